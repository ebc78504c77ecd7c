import fc from 'fast-check';
import { type EnvelopePath, AnswerError } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { DraftRecipients } from '../../src/message/edit/draft-recipients.js';
import { writtenPath } from '../../src/message/envelope-path.js';
import { envelopePath } from '../../src/session/envelope-path.js';

/** A recipient as an event tells it. */
function path(raw: string, args: readonly string[] = []): EnvelopePath {
  return envelopePath({ address: raw, args, raw: Buffer.from(raw) });
}

function draftOf(...addresses: readonly string[]): DraftRecipients {
  return new DraftRecipients(addresses.map((address) => path(`<${address}>`)));
}

function addressesOf(draft: DraftRecipients): string[] {
  return [...draft].map(({ address }) => address);
}

describe('DraftRecipients', () => {
  it('has the same recipients until another is added or one is gone', () => {
    const draft = draftOf('a@x.example');
    const [first] = draft;
    draft.add('A@x.example');
    draft.add('a@x.example', []);
    expect(draft.delete('b@x.example')).toBe(0);
    expect([...draft]).toHaveLength(1);
    expect([...draft][0]).toBe(first);
    draft.add('b@x.example');
    expect(draft).toHaveLength(2);
  });

  it('adds a recipient at the end, with its parts', () => {
    const draft = draftOf('a@x.example');
    const added = draft.add('Jürgen@bücher.example', ['NOTIFY=NEVER', 'x']);
    expect(added).toEqual({
      address: 'Jürgen@bücher.example',
      local: 'Jürgen',
      domain: 'xn--bcher-kva.example',
      mailbox: 'jürgen@xn--bcher-kva.example',
      args: ['NOTIFY=NEVER', 'x'],
      params: { NOTIFY: 'NEVER', X: '' },
      raw: Buffer.from('<Jürgen@bücher.example>'),
    });
    expect([...draft][1]).toBe(added);
    expect(draft).toHaveLength(2);
    expect(draft.add('<b@x.example>').address).toBe('b@x.example');
  });

  it('does not add a recipient that is there, and leaves it its arguments', () => {
    const there = path('<a@bücher.example>', ['NOTIFY=NEVER']);
    const draft = new DraftRecipients([there]);
    expect(draft.add('A@xn--bcher-kva.example')).toBe(there);
    expect(draft.add('a@bücher.example', ['NOTIFY=NEVER'])).toBe(there);
    expect([...draft]).toEqual([there]);
  });

  it.each(['"a"@x.example', '@relay.example:a@x.example', 'a@x.example.', 'a%x.example', 'a(b)@x.example'])(
    'finds and deletes a recipient that the client has written %s',
    (spelling) => {
      const draft = draftOf(spelling, 'b@x.example');
      expect(draft.has('a@x.example')).toBe(true);
      expect(draft.delete('A@x.example')).toBe(1);
      expect(addressesOf(draft)).toEqual(['b@x.example']);
    },
  );

  it('gives a recipient that is there other arguments, where some are given', () => {
    const draft = new DraftRecipients([path('<a@x.example>', ['NOTIFY=NEVER']), path('<b@x.example>')]);
    draft.add('A@x.example', ['NOTIFY=FAILURE']);
    expect([...draft][0]).toEqual(path('<a@x.example>', ['NOTIFY=FAILURE']));
    draft.add('a@x.example', []);
    expect([...draft]).toEqual([path('<a@x.example>'), path('<b@x.example>')]);
  });

  it('finds a recipient however it is spelled', () => {
    const draft = draftOf('Bob@bücher.example', '"a.b"@x.example');
    expect(draft.has('bob@xn--bcher-kva.example.')).toBe(true);
    expect(draft.has('<a.b@x.example>')).toBe(true);
    expect(draft.has('bob@x.example')).toBe(false);
  });

  it('deletes all that are the address, and says how many', () => {
    const draft = draftOf('a@x.example', 'b@x.example', 'A@X.example', 'c@x.example');
    expect(draft.delete('a@x.example')).toBe(2);
    expect(addressesOf(draft)).toEqual(['b@x.example', 'c@x.example']);
    const [first] = draft;
    expect(first && draft.delete(first)).toBe(1);
    draft.clear();
    expect(draft).toHaveLength(0);
    expect([...draft]).toEqual([]);
  });

  it('may be changed while it is gone through, and leaves what it was made of as it was', () => {
    const paths = [path('<a@x.example>'), path('<b@x.example>')];
    const draft = new DraftRecipients(paths);
    for (const each of draft) {
      draft.delete(each);
      draft.add(`new-${each.address}`);
    }
    expect(addressesOf(draft)).toEqual(['new-a@x.example', 'new-b@x.example']);
    expect(paths).toHaveLength(2);
  });

  it.each([
    ['', 'the address is empty'],
    ['<>', 'the address is empty'],
    ['a b@x.example', 'holds a blank'],
    ['a@x.example\r\n', 'holds a blank or a control character'],
    ['Bob<a@x.example', 'angle brackets within'],
    ['"a b@x.example', 'holds a blank'],
    ['"a\nb"@x.example', 'holds a blank or a control character'],
    ['"a\\\nb"@x.example', 'holds a blank or a control character'],
    ['"a\\"@x.example b', 'holds a blank'],
    ['"a" b@x.example', 'holds a blank'],
  ])('refuses to add %j', (address, problem) => {
    const draft = draftOf('a@x.example');
    expect(() => draft.add(address)).toThrow(AnswerError);
    expect(() => draft.add(address)).toThrow(new RegExp(`^draft\\.recipients\\.add: .*${problem}`));
    expect(addressesOf(draft)).toEqual(['a@x.example']);
  });

  it('refuses arguments that are not valid, also for a recipient that is there', () => {
    const draft = draftOf('a@x.example');
    for (const address of ['a@x.example', 'b@x.example']) {
      expect(() => draft.add(address, ['NOTIFY=NEVER x'])).toThrow(/is not an ESMTP argument/);
    }
  });

  it('refuses what is no text', () => {
    const nothing = undefined as unknown as string;
    expect(() => draftOf().add(nothing)).toThrow(
      'draft.recipients.add: the address is undefined, and not a string.',
    );
    expect(() => draftOf().delete(nothing)).toThrow(AnswerError);
  });

  it('does what a plain list does with random changes', () => {
    const address = fc.constantFrom('a@x.example', 'A@x.example', 'b@x.example', 'c@y.example');
    const change = fc.record({ add: fc.boolean(), address });
    fc.assert(
      fc.property(
        fc.array(address, { maxLength: 5 }),
        fc.array(change, { maxLength: 10 }),
        (start, changes) => {
          const draft = draftOf(...start);
          let model = start;
          for (const { add, address: given } of changes) {
            const same = (each: string): boolean => each.toLowerCase() === given.toLowerCase();
            if (add) draft.add(given);
            else expect(draft.delete(given)).toBe(model.filter(same).length);
            if (!add) model = model.filter((each) => !same(each));
            else if (!model.some(same)) model = [...model, given];
          }
          expect(addressesOf(draft)).toEqual(model);
        },
      ),
    );
  });
});

describe('writtenPath()', () => {
  it('reads what modifications have: text in brackets or without, bytes as they are', () => {
    const expected = path('<a@x.example>', ['NOTIFY=NEVER']);
    expect(writtenPath('a@x.example', ['NOTIFY=NEVER'])).toEqual(expected);
    expect(writtenPath('<a@x.example>', ['NOTIFY=NEVER'])).toEqual(expected);
    expect(writtenPath('', [])).toEqual(path('<>'));
    const bytes = Buffer.from('<j\xfcrgen@x.example>', 'latin1');
    expect(writtenPath(bytes, [])).toMatchObject({
      address: 'jürgen@x.example',
      local: 'jürgen',
      raw: bytes,
    });
    expect(writtenPath(Buffer.from('a@x.example'), [])).toMatchObject({ address: 'a@x.example' });
  });
});
