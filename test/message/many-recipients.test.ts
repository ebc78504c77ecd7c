import { type EnvelopePath, deleteRecipient } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { DraftRecipients } from '../../src/message/edit/draft-recipients.js';
import { applyRecipientChanges } from '../../src/message/edit/recipient-changes.js';
import { writtenPath } from '../../src/message/envelope-path.js';

const MANY = 200;

/** Recipients that count how often they are looked at. */
function counted(): { readonly paths: EnvelopePath[]; readonly looks: () => number } {
  let looks = 0;
  const paths = Array.from({ length: MANY }, (_, at) => {
    const path = writtenPath(`user${at}@x.example`, []);
    return new Proxy(path, {
      get: (target, key) => {
        looks++;
        return Reflect.get(target, key) as unknown;
      },
    });
  });
  return { paths, looks: () => looks };
}

describe('many recipients', () => {
  it('are each looked at a few times, however many of them a draft is asked for', () => {
    const { paths, looks } = counted();
    const draft = new DraftRecipients(paths);
    for (let at = 0; at < MANY; at++) {
      expect(draft.has(`User${at}@x.example`)).toBe(true);
      expect(draft.delete(`user${at}@X.example`)).toBe(1);
      draft.add(`new${at}@x.example`);
    }
    expect([...draft].map(({ address }) => address).at(-1)).toBe(`new${MANY - 1}@x.example`);
    expect(draft).toHaveLength(MANY);
    expect(looks()).toBeLessThan(10 * MANY);
  });

  it('are each looked at a few times, however many changes of earlier filters there are', () => {
    const { paths, looks } = counted();
    const changes = paths.slice(1).map(({ address }) => deleteRecipient(address));
    const left = applyRecipientChanges(paths, changes);
    expect(left.map(({ address }) => address)).toEqual(['user0@x.example']);
    expect(looks()).toBeLessThan(10 * MANY);
  });
});
