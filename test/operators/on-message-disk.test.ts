import { readdirSync } from 'node:fs';
import {
  compose,
  accept,
  BodyFileError,
  on,
  onMessage,
  reject,
  replaceBody,
  type MessageLimits,
  type Outcome,
} from 'rxmilter';
import { simulate } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { openIn } from '../message/support/descriptors.js';
import { scratch } from '../message/support/scratch.js';
import { give } from './support/mails.js';
import { expectQuiet } from './support/quiet.js';

const directoryOf = scratch();
const BIG = Buffer.from(Array.from({ length: 20_000 }, (_, at) => `line ${at} of a long body\r\n`).join(''));
/** Room for one such body, and not for two. */
const limits: MessageLimits = { memory: 1000, disk: 1.5 * BIG.length };
const FULL = { outcome: 'deferred', reply: { code: 452, enhanced: '4.3.1' } };

type Simulation = Awaited<ReturnType<typeof simulate>>;

/** A message whose body is kept: the answer to the unknown command waits for that. */
async function upToTheBody(filter: ReturnType<typeof onMessage>): Promise<Simulation> {
  const mta = await simulate(
    compose(
      filter,
      on('unknown', () => undefined),
    ),
  );
  await mta.mail();
  await mta.rcpt();
  await mta.header();
  await mta.eoh();
  await mta.body(BIG);
  await mta.unknown('NOOP');
  return mta;
}

describe('what the bodies of all messages may take of the disk together', () => {
  expectQuiet();

  it.each<[string, (mta: Simulation) => unknown]>([
    ['has its answer', (mta) => mta.eom()],
    ['is aborted', (mta) => mta.abort()],
    ['loses its connection', (mta) => mta.hangUp()],
    ['has its client say goodbye', (mta) => mta.quit()],
  ])('leaves no room for a second message, and leaves it again when the first %s', async (_how, end) => {
    const directory = directoryOf();
    const seen = vi.fn();
    const filter = onMessage({ directory, limits }, ({ body }) => void seen(body.size));
    const first = await upToTheBody(filter);
    const outcomes: Outcome[] = [];
    expect(await give(filter, { body: BIG }, { outcome: (one) => outcomes.push(one) })).toMatchObject(FULL);
    // As any limit, it is a decision and no failure.
    expect(outcomes.flatMap(({ error }) => error ?? [])).toEqual([]);
    expect(seen).not.toHaveBeenCalled();
    // What fits into memory needs no room.
    expect(await give(filter, { body: 'small' })).toMatchObject({ outcome: 'delivered' });
    await end(first);
    await vi.waitFor(async () =>
      expect(await give(filter, { body: BIG })).toMatchObject({ outcome: 'delivered' }),
    );
    await first.close();
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is free again after a message whose project has failed, and after one that found no room', async () => {
    const directory = directoryOf();
    const broken = onMessage({ directory, limits }, () => Promise.reject(new Error('broken')));
    const tiny = onMessage({ directory, limits: { memory: 0, disk: 10 } }, () => undefined);
    for (let round = 0; round < 3; round++) {
      expect(await give(broken, { body: BIG })).toMatchObject({ outcome: 'deferred' });
      expect(await give(tiny, { body: BIG })).toMatchObject(FULL);
    }
    const whole = onMessage({ directory, limits: { memory: 0, disk: BIG.length } }, () => undefined);
    expect(await give(whole, { body: BIG })).toMatchObject({ outcome: 'delivered' });
  });

  it('gives a message beyond it the decision of full, whatever that of beyond is', async () => {
    const directory = directoryOf();
    const none = { memory: 0, disk: 0 };
    for (const [full, outcome] of [
      [reject('no room'), 'refused'],
      [accept(), 'delivered'],
    ] as const) {
      const project = vi.fn();
      const filter = onMessage({ directory, limits: none, full, beyond: 'truncate' }, project);
      expect(await give(filter, { body: BIG })).toMatchObject({ outcome });
      expect(project).not.toHaveBeenCalled();
    }
  });

  it.each([
    ['that is read when it is written', (filter: ReturnType<typeof on>) => [filter]],
    [
      'that a later filter sees',
      (filter: ReturnType<typeof on>) => [filter, onMessage({ limits }, () => undefined)],
    ],
  ])('holds for a new body, too: %s', async (_when, filters) => {
    const directory = directoryOf();
    const first = onMessage({ directory, limits, body: 'none' }, () => undefined);
    const replaced = on('eom', () => replaceBody([BIG, BIG]));
    const outcomes: Outcome[] = [];
    const delivery = await give(
      compose(first, ...filters(replaced)),
      { body: 'old' },
      { outcome: (one) => outcomes.push(one) },
    );
    expect(delivery).toMatchObject({ outcome: 'deferred' });
    const [error] = outcomes.flatMap((one) => one.error ?? []);
    expect(error?.message).toMatch(/may have \d+ bytes together.*limits\.disk/);
    expect(error?.cause).toBeInstanceOf(BodyFileError);
    // And is kept where the filter of the message says.
    const one = compose(first, ...filters(on('eom', () => replaceBody([BIG]))));
    expect((await give(one, { body: 'old' })).body.equals(BIG)).toBe(true);
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
  });

  it.each([-1, 1.5, '1', null])('is a whole number of bytes, and not %j', (disk) => {
    expect(() => onMessage({ limits: { disk: disk as never } }, () => undefined)).toThrow(/limits\.disk/);
  });
});
