import { Readable } from 'node:stream';
import { type OperatorFunction, firstValueFrom, map, timer } from 'rxjs';
import {
  compose,
  type AnswerInput,
  onMessage,
  on,
  accept,
  reject,
  AnswerError,
  ProjectError,
  UnansweredError,
  type Flow,
  type BodySource,
  addHeader,
  replaceBody,
} from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { frame, said } from '../support/session-frames.js';
import { type Link, opened } from '../support/session-link.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets everything happen that does not wait for anything else. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await vi.advanceTimersByTimeAsync(0);
};

/** A source that is told when to give what, and keeps what is done to it. */
class Source {
  pulled = 0;
  finished = 0;
  readonly #waiting: ((result: IteratorResult<Uint8Array | string>) => void)[] = [];

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array | string> {
    return {
      next: () => {
        this.pulled++;
        return new Promise((resolve) => this.#waiting.push(resolve));
      },
      return: () => {
        this.finished++;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async give(piece: Uint8Array | string): Promise<void> {
    this.#waiting.shift()?.({ done: false, value: piece });
    await settle();
  }

  async end(): Promise<void> {
    this.#waiting.shift()?.({ done: true, value: undefined });
    await settle();
  }
}

const FULL = Buffer.alloc(65_535, 'x');

describe('a body that comes piece by piece', () => {
  const pieces = ['one ', Buffer.from('two '), 'three'];
  it.each<[string, () => BodySource]>([
    ['an array', () => pieces],
    [
      'a generator',
      () =>
        (function* () {
          yield* pieces;
        })(),
    ],
    [
      'an async generator',
      () =>
        (async function* () {
          for (const piece of pieces) {
            await Promise.resolve();
            yield piece;
          }
        })(),
    ],
    ['a stream of bytes', () => Readable.from(pieces.map((piece) => Buffer.from(piece)))],
    ['a stream of objects', () => Readable.from(pieces)],
  ])('is written as few frames: %s', async (_what, source) => {
    const mta = opened(on('eom', () => [addHeader('X-Test', 'yes'), replaceBody(source()), accept()]));
    mta.send('C26');
    await vi.waitFor(() => expect(mta.heard()).toEqual(said('R16', frame('b', 'one two three'), 'R04')));
  });

  it.each<[string, () => BodySource]>([
    ['nothing', () => []],
    ['empty pieces', () => ['', new Uint8Array(0), '']],
    ['a stream that ends at once', () => Readable.from([])],
  ])('and has %s in it makes the body empty', async (_what, source) => {
    const mta = opened(on('eom', () => replaceBody(source())));
    mta.send('C26');
    await vi.waitFor(() => expect(mta.heard()).toEqual(said('R31', 'R03')));
  });

  it.each([65_534, 65_535, 65_536, 131_070, 200_000])(
    'of %i bytes is cut at 65535 and is complete',
    async (length) => {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => index % 253));
      const cut = Array.from({ length: Math.ceil(length / 1000) }, (_, index) =>
        bytes.subarray(1000 * index, 1000 * (index + 1)),
      );
      const mta = opened(on('eom', () => replaceBody(cut)));
      mta.send('C26');
      await vi.waitFor(() => expect(mta.io.writes.at(-1)?.at(-1)).toBe('c'.charCodeAt(0)));
      const heard = mta.heard();
      const frames = heard.slice(0, -1);
      expect(frames).toHaveLength(Math.ceil(length / 65_535));
      for (const one of frames.slice(0, -1)) expect(one.slice(0, 10)).toBe('0001000062');
      expect(frames.map((one) => one.slice(10)).join('')).toBe(bytes.toString('hex'));
    },
  );

  it.each([0, 262_144])(
    'is read to its end before a byte is written, whatever the MTA takes (in memory: %i)',
    async (memory) => {
      const source = new Source();
      const filter = compose(
        onMessage({ limits: { memory } }, () => undefined),
        on('eom', () => [addHeader('X-Test', 'yes'), replaceBody(source), accept()]),
      );
      const mta = opened(filter, { timeouts: { progress: 100 } });
      mta.send('C26');
      await vi.advanceTimersByTimeAsync(250);
      expect(mta.heard()).toEqual(said('R09', 'R09'));
      mta.io.taking = false;
      await source.give(FULL);
      await vi.waitFor(() => expect(source.pulled).toBe(2));
      await source.give('end');
      await vi.waitFor(() => expect(source.pulled).toBe(3));
      expect(mta.heard().filter((one) => one !== said('R09')[0])).toEqual([]);
      await source.end();
      // A slow disk may let some progress pass first.
      const heard: string[] = [];
      await vi.waitFor(() => {
        heard.push(...mta.heard());
        expect(heard.at(-1)).toBe(said('R04')[0]);
      });
      // All of it at once, and no progress in between.
      expect(heard.filter((one) => one !== said('R09')[0])).toEqual(
        said('R16', frame('b', FULL), frame('b', 'end'), 'R04'),
      );
    },
  );

  it.each<[string, () => BodySource]>([
    ['in memory', () => Buffer.alloc(3_000_000, 'x')],
    ['from a source', () => Readable.from(Array.from({ length: 30 }, () => Buffer.alloc(100_000, 'x')))],
  ])('is written no faster than the MTA takes it: %s', async (_where, source) => {
    const mta = opened(on('eom', () => replaceBody(source())));
    mta.io.taking = false;
    mta.send('C26');
    await vi.waitFor(() => expect(mta.io.writes.length).toBe(2));
    await settle();
    const size = (): number => mta.io.writes.slice(1).reduce((all, { length }) => all + length, 0);
    expect(size()).toBeLessThan(700_000);
    for (let piece = 0; piece < 3; piece++) {
      const before = size();
      mta.connection.drained();
      await vi.waitFor(() => expect(size()).toBeGreaterThan(before));
      await settle();
      expect(size() - before).toBeLessThan(700_000);
    }
    mta.io.taking = true;
    mta.connection.drained();
    await vi.waitFor(() => expect(mta.io.writes.at(-1)?.at(-1)).toBe('c'.charCodeAt(0)));
    expect(size()).toBe(3_000_000 + 46 * 5 + 5);
  });

  it('has no deadline any more while the MTA takes its time with it', async () => {
    const mta = opened(
      on('eom', () => replaceBody(Buffer.alloc(1_000_000, 'x'))),
      { failure: accept() },
    );
    mta.io.taking = false;
    mta.send('C26');
    await settle();
    mta.heard();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(mta.heard()).toEqual([]);
    expect(mta.errors).toEqual([]);
    mta.io.taking = true;
    mta.connection.drained();
    await settle();
    expect(mta.heard().at(-1)).toBe(said('R03')[0]);
  });

  it('is answered once for the event, however much the pipeline says meanwhile', async () => {
    const source = new Source();
    const mta = opened(on('eom', () => replaceBody(source)));
    mta.send('C26', 'C12');
    await source.give('New body\r\n');
    expect(mta.heard()).toEqual([]);
    await source.end();
    expect(mta.heard()).toEqual(said('R30', 'R03', 'R03'));
  });
});

describe('a source that fails', () => {
  it.each<[string, () => BodySource]>([
    [
      'at once',
      () =>
        (async function* (): AsyncGenerator<string> {
          await Promise.resolve();
          yield* [];
          throw new Error('disk');
        })(),
    ],
    [
      'after a while',
      () =>
        (async function* () {
          yield FULL;
          await Promise.resolve();
          throw new Error('disk');
        })(),
    ],
    [
      'as a stream',
      () =>
        new Readable({
          read() {
            this.destroy(new Error('disk'));
          },
        }),
    ],
    [
      'in its iterator',
      () => ({
        [Symbol.asyncIterator]() {
          throw new Error('disk');
        },
      }),
    ],
  ])('%s costs the message', async (_when, source) => {
    const mta = opened(on('eom', () => [replaceBody(source()), accept()]));
    mta.send('C26');
    await vi.waitFor(() => expect(mta.heard().at(-1)).toEqual(said('R06')[0]));
    expect(mta.errors).toEqual([expect.any(ProjectError)]);
    expect(mta.errors[0]?.message).toMatch(/eom.*disk/);
    expect(mta.ask('C12', 'C26').at(-1)).toBeDefined();
  });

  it('and what it gives is no text and no bytes costs the message, and is finished', async () => {
    const source = new Source();
    const mta = opened(on('eom', () => replaceBody(source)));
    mta.send('C26');
    await settle();
    await source.give(7 as never);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
    expect(source.finished).toBe(1);
  });

  it('at the deadline gets the failure decision, with nothing of the body written', async () => {
    const source = new Source();
    const mta = opened(
      on('eom', () => [addHeader('X-Test', 'yes'), replaceBody(source)]),
      { failure: accept() },
    );
    mta.send('C26');
    await settle();
    await source.give(FULL);
    await vi.advanceTimersByTimeAsync(280_000);
    expect(mta.heard().filter((one) => one !== said('R09')[0])).toEqual(said('R04'));
    expect(mta.errors).toEqual([expect.any(UnansweredError)]);
    expect(source.finished).toBe(1);
  });

  it('to be written to its end never lets the message through, whatever the failure decision is', async () => {
    for (const failure of [accept(), { kind: 'allow' } as const, reject()]) {
      const mta = opened(
        on('eom', () => replaceBody(Buffer.alloc(1_000_000, 'x'))),
        { failure },
      );
      mta.io.taking = false;
      mta.send('C26');
      await settle();
      mta.connection.expire(1_000);
      expect(mta.heard().at(-1)).toBe(said(failure.kind === 'reject' ? 'R05' : 'R06')[0]);
    }
  });

  it('gets the failure decision as it is, with nothing written', async () => {
    const mta = opened(
      on('eom', () =>
        replaceBody(
          (async function* (): AsyncGenerator<Uint8Array> {
            await Promise.resolve();
            yield FULL;
            throw new Error('disk');
          })(),
        ),
      ),
      { failure: accept() },
    );
    mta.send('C26');
    await vi.waitFor(() => expect(mta.heard()).toEqual(said('R04')));
  });
});

describe('a body whose message is over', () => {
  it.each<[string, (mta: Link) => void]>([
    ['ABORT', (mta) => mta.send('C28')],
    ['QUIT', (mta) => mta.send('C29')],
    ['the end of the connection', (mta) => mta.connection.eof()],
    ['the end of the pipeline', (mta) => mta.subscription.unsubscribe()],
    ['the deadline', () => vi.advanceTimersByTime(280_000)],
  ])('is given up: %s', async (_what, end) => {
    const source = new Source();
    const mta = opened(on('eom', () => replaceBody(source)));
    mta.send('C26');
    await settle();
    await source.give(FULL);
    expect(mta.heard()).toEqual([]);
    expect(source.finished).toBe(0);
    end(mta);
    expect(source.finished).toBe(1);
    mta.heard();
    await source.give(FULL);
    await source.end();
    expect(mta.heard().filter((one) => one !== said('R09')[0])).toEqual([]);
  });

  it('is not read on, and leaves nothing for the next one, when it is aborted in the middle of being written', async () => {
    let times = 0;
    const mta = opened(on('eom', () => (times++ === 0 ? replaceBody(Buffer.alloc(2_000_000)) : undefined)));
    mta.io.taking = false;
    mta.send('C26');
    await settle();
    mta.heard();
    mta.send('C28');
    mta.io.taking = true;
    mta.connection.drained();
    await settle();
    expect(mta.ask('C26')).toEqual(said('R03'));
  });

  it('is not asked for more when it is aborted while its reading gives way to other work', async () => {
    let pulled = 0;
    const next = (): IteratorResult<string> => {
      pulled++;
      vi.advanceTimersByTime(1);
      return { done: false, value: 'x' };
    };
    const mta = opened(on('eom', () => replaceBody({ [Symbol.iterator]: () => ({ next }) })));
    mta.send('C26');
    for (let turn = 0; turn < 1_000; turn++) await Promise.resolve();
    const before = pulled;
    expect(before).toBeGreaterThan(0);
    mta.send('C28');
    await settle();
    expect(pulled).toBe(before);
  });

  it('is destroyed where it is a stream', async () => {
    const stream = new Readable({ read: () => undefined });
    const mta = opened(on('eom', () => replaceBody(stream)));
    mta.send('C26');
    await settle();
    mta.send('C28');
    expect(stream.destroyed).toBe(true);
  });

  it('leaves the next message alone', async () => {
    const source = new Source();
    let times = 0;
    const mta = opened(on('eom', () => (times++ === 0 ? replaceBody(source) : undefined)));
    mta.send('C26');
    await settle();
    await source.give(FULL);
    mta.heard();
    mta.send('C28');
    expect(mta.ask('C26')).toEqual(said('R03'));
    await source.give('late');
    expect(mta.heard()).toEqual([]);
  });
});

describe('a stream that nobody reads', () => {
  const open = (): Readable => new Readable({ read: () => undefined });

  it.each<[string, (stream: Readable) => OperatorFunction<Flow, Flow>]>([
    [
      'since a later filter refuses the message',
      (stream) =>
        compose(
          on('eom', () => replaceBody(stream)),
          on('eom', () => reject()),
        ),
    ],
    [
      'since a later filter replaces the body, too',
      (stream) =>
        compose(
          on('eom', () => replaceBody(stream)),
          on('eom', () => replaceBody('other')),
        ),
    ],
    [
      'since its filter fails after it',
      (stream) =>
        on('eom', function* () {
          yield replaceBody(stream);
          throw new Error('broken');
        }),
    ],
    ['since another change is none', (stream) => on('eom', () => [replaceBody(stream), 42 as never])],
    ['since it came at a stage without changes', (stream) => on('eoh', () => replaceBody(stream) as never)],
  ])('is destroyed: %s', (_why, filter) => {
    const stream = open();
    const mta = opened(filter(stream));
    mta.send('C24', 'C26');
    expect(stream.destroyed).toBe(true);
  });

  it.each<[string, (stream: Readable) => AnswerInput<'eom'>]>([
    ['of a promise', (stream) => firstValueFrom(timer(100).pipe(map(() => replaceBody(stream))))],
    [
      'of a generator',
      async function* (stream) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        yield replaceBody(stream);
      },
    ],
  ])('is destroyed where it is the late answer %s', async (_what, project) => {
    const stream = open();
    const mta = opened(on('eom', () => project(stream)));
    mta.send('C26', 'C28');
    await vi.advanceTimersByTimeAsync(100);
    expect(stream.destroyed).toBe(true);
  });

  it('fails without anybody noticing but the one who reads it in the end', async () => {
    const stream = open();
    const mta = opened(
      compose(
        on('eom', () => replaceBody(stream)),
        on('eom', () => timer(100).pipe(map(() => undefined))),
      ),
    );
    mta.send('C26');
    stream.destroy(new Error('no such file'));
    await vi.advanceTimersByTimeAsync(100);
    await settle();
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.errors).toMatchObject([{ message: expect.stringContaining('no such file') }]);
  });
});

describe('the signal of a filter that answered with a body', () => {
  it.each<[string, (mta: Link) => void]>([
    ['the message is aborted', (mta) => mta.send('C28')],
    ['its time is up', () => vi.advanceTimersByTime(280_000)],
  ])('is aborted when %s', async (_what, end) => {
    let signal: AbortSignal | undefined;
    const mta = opened(
      on('eom', (_event, context) => {
        ({ signal } = context);
        return replaceBody(new Source());
      }),
    );
    mta.send('C26');
    await settle();
    expect(signal?.aborted).toBe(false);
    end(mta);
    expect(signal?.aborted).toBe(true);
  });
});
