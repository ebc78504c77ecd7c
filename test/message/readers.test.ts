import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';

import { BodyChannel } from '../../src/message/body/body-channel.js';
import { StoredBody } from '../../src/message/body/stored-body.js';
import { BodyStore } from '../../src/spool/body-store.js';
import { FUZZ_TIMEOUT, fuzz } from '../fuzz/support/fuzz.js';
import { macrotask, withoutLooseEnds } from '../fuzz/support/loose-ends.js';
import { openIn } from './support/descriptors.js';
import { scratch } from './support/scratch.js';
import { WAYS, type Outcome } from './support/ways.js';

const directoryOf = scratch();

/** What a reader does: how, from when on, how many pieces it wants, and how long it thinks about each. */
const reader = fc.record({
  way: fc.constantFrom(...Object.keys(WAYS)),
  from: fc.nat(6),
  wanted: fc.oneof(fc.constant(Infinity), fc.nat(4)),
  thinks: fc.constantFrom('not', 'a moment', 'a while', 'for ever'),
});
type Reader = typeof reader extends fc.Arbitrary<infer T> ? T : never;

const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 6 });
const pieceOf = (size: number): Buffer => Buffer.alloc(size, size);

async function think(how: string): Promise<void> {
  if (how === 'a moment') await Promise.resolve();
  if (how === 'a while') for (let turn = 0; turn < 3; turn++) await macrotask();
  if (how === 'for ever') await new Promise(() => undefined);
}

/** Waits until it is over, or for far longer than anything takes that waits for nothing. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const state = { over: false };
  void promise.finally(() => (state.over = true)).catch(() => undefined);
  for (let turn = 0; turn < 300 && !state.over; turn++) await macrotask();
  return state.over;
}

function isPrefix(part: Buffer, whole: Buffer): boolean {
  return part.equals(whole.subarray(0, part.length));
}

describe('A reader of a body that is handed through', () => {
  const ending = fc.record({
    how: fc.constantFrom('end', 'fail', 'drop'),
    after: fc.nat(30),
    waits: fc.boolean(),
  });

  async function play(
    sizes: number[],
    readers: Reader[],
    { how, after, waits }: { how: string; after: number; waits: boolean },
  ): Promise<void> {
    const all = sizes.map(pieceOf);
    const channel = new BodyChannel();
    const outcomes: { reader: Reader; outcome: Promise<Outcome> }[] = [];
    const begin = (step: number): void => {
      for (const each of readers.filter(({ from }) => from === step)) {
        const read = WAYS[each.way];
        if (read === undefined) throw new Error(each.way);
        const habits = { wanted: each.wanted, pace: () => think(each.thinks) };
        outcomes.push({ reader: each, outcome: read(channel.body, habits) });
      }
    };
    const over = (async () => {
      for (let turn = 0; turn < after; turn++) await macrotask();
      if (how === 'fail') channel.fail(new Error('aborted'));
      if (how === 'drop') channel.drop();
      if (how === 'end' && !waits) channel.end();
    })();
    let pushed = 0;
    const producing = (async () => {
      for (const [step, piece] of all.entries()) {
        begin(step);
        pushed++;
        await channel.push(piece);
      }
      for (let step = all.length; step <= 6; step++) begin(step);
      if (waits) channel.end();
    })();
    await over;
    const done = await settled(producing);
    // A reader that thinks for ever, or none at all, holds the MTA up: until the message is over in one way or another.
    const first = outcomes[0];
    if (!done) {
      expect(how).toBe('end');
      expect(first === undefined || first.reader.thinks === 'for ever').toBe(true);
      channel.drop();
      expect(await settled(producing)).toBe(true);
    }
    channel.drop();
    for (const { outcome } of outcomes) await settled(outcome);
    channel.fail(new Error('aborted'));

    for (const [index, { reader: each, outcome }] of outcomes.entries()) {
      if (!(await settled(outcome))) {
        // A loop cannot be interrupted in its own work.
        expect(each.thinks).toBe('for ever');
        expect(['an async iterator', 'a Readable']).toContain(each.way);
        continue;
      }
      const { chunks, ended } = await outcome;
      const got = Buffer.concat(chunks);
      expect(isPrefix(got, Buffer.concat(all))).toBe(true);
      if (index > 0) {
        // Who comes second gets nothing but an error, or has not wanted anything.
        expect(chunks).toEqual([]);
        expect(ended === 'stopped' || ended instanceof Error).toBe(true);
      }
      if (ended === 'complete' && done && how === 'end' && waits) expect(got.length).toBe(channel.body.size);
      if (ended === 'stopped') expect(chunks.length).toBeLessThanOrEqual(each.wanted);
    }
    expect(pushed).toBeLessThanOrEqual(all.length);
  }

  it(
    'gets it in order or is told why not, and nothing is left waiting, whatever the order of things',
    { timeout: FUZZ_TIMEOUT },
    () =>
      fuzz(200, fc.tuple(sizes, fc.array(reader, { maxLength: 3 }), ending), (values) =>
        withoutLooseEnds(() => play(...values)),
      ),
  );
});

describe('A reader of a body that has been collected', () => {
  interface Plan {
    readonly memory: number;
    readonly closes: number;
    readonly waits: boolean;
  }

  async function play(
    directory: string,
    sizes: number[],
    readers: Reader[],
    { memory, closes, waits }: Plan,
  ): Promise<void> {
    const all = sizes.map(pieceOf);
    const store = new BodyStore({ memory, directory });
    const closing = (async () => {
      for (let turn = 0; turn < closes; turn++) await macrotask();
      if (!waits) store.close();
    })();
    for (const piece of all) await store.push(piece);
    const body = new StoredBody(store, true);
    const bytes = body.bytes().catch((error: unknown) => error);
    const outcomes = readers.map((each) => {
      const read = WAYS[each.way];
      if (read === undefined) throw new Error(each.way);
      return read(body, { wanted: each.wanted, pace: () => think(each.thinks) });
    });
    await closing;
    const whole = Buffer.concat(all);
    for (const [index, outcome] of outcomes.entries()) {
      const each = readers[index];
      if (each?.thinks === 'for ever' && !(await settled(outcome))) continue;
      const { chunks, ended } = await outcome;
      const got = Buffer.concat(chunks);
      expect(isPrefix(got, whole)).toBe(true);
      if (ended === 'complete') expect(got.length).toBe(whole.length);
      if (ended instanceof Error)
        expect([waits, ended.message]).toEqual([false, expect.stringContaining('message is over')]);
    }
    const result = await bytes;
    if (Buffer.isBuffer(result)) expect(result.equals(whole)).toBe(true);
    else expect(waits).toBe(false);
    store.close();
  }

  it(
    'gets all of it or is told why not, and no file is left open, whatever the order of things',
    { timeout: FUZZ_TIMEOUT },
    async () => {
      const directory = directoryOf();
      const plan = fc.record({ memory: fc.nat(100_000), closes: fc.nat(20), waits: fc.boolean() });
      await fuzz(200, fc.tuple(sizes, fc.array(reader, { maxLength: 3 }), plan), (values) =>
        withoutLooseEnds(() => play(directory, ...values)),
      );
      await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
      expect(readdirSync(directory)).toEqual([]);
    },
  );
});
