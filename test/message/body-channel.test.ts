import { once } from 'node:events';
import { finalize, from, lastValueFrom, NEVER, take, toArray } from 'rxjs';
import type { StreamedBody } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { BodyChannel } from '../../src/message/body/body-channel.js';
import { macrotask } from '../fuzz/support/loose-ends.js';
import { inTurn } from './support/in-turn.js';
import { textOf, WAYS } from './support/ways.js';

const bytes = (text: string): Buffer => Buffer.from(text);

/** Pushes, and tells whether it has been taken yet. */
function pushing(channel: BodyChannel, text: string): { readonly taken: boolean } {
  const state = { taken: false };
  const promise = channel.push(bytes(text));
  if (promise === undefined) state.taken = true;
  else void promise.then(() => (state.taken = true));
  return state;
}

async function pushAll(channel: BodyChannel, ...texts: string[]): Promise<void> {
  for (const text of texts) await channel.push(bytes(text));
  channel.end();
}

describe('A body that is handed through', () => {
  it.each(Object.entries(WAYS))('arrives through %s', async (_, read) => {
    const channel = new BodyChannel();
    const reading = read(channel.body);
    await pushAll(channel, 'abc', 'def', 'ghi');
    expect(textOf(await reading)).toBe('abcdefghi');
    expect(channel.body.size).toBe(9);
  });

  it.each(Object.entries(WAYS))('waits for a reader that comes late, through %s', async (_, read) => {
    const channel = new BodyChannel();
    const first = pushing(channel, 'abc');
    await macrotask();
    expect(first.taken).toBe(false);
    const reading = read(channel.body);
    await vi.waitFor(() => expect(first.taken).toBe(true));
    await pushAll(channel, 'def');
    expect(textOf(await reading)).toBe('abcdef');
  });

  it.each(Object.entries(WAYS))('is empty and complete through %s where it had no bytes', async (_, read) => {
    const channel = new BodyChannel();
    expect(channel.push(new Uint8Array())).toBeUndefined();
    channel.end();
    expect(await read(channel.body)).toEqual({ chunks: [], ended: 'complete' });
  });

  it.each(Object.entries(WAYS))(
    'ends with its last piece, though that is not read yet, through %s',
    async (_, read) => {
      const channel = new BodyChannel();
      void channel.push(bytes('abc'));
      channel.end();
      expect(textOf(await read(channel.body))).toBe('abc');
    },
  );

  it.each(Object.entries(WAYS))(
    'comes only once: a second reader is told so, through %s',
    async (_, read) => {
      const channel = new BodyChannel();
      const once = /comes only once.*body: 'buffer'/;
      const first = WAYS['an async iterator']?.(channel.body);
      expect((await read(channel.body)).ended).toMatchObject({ message: expect.stringMatching(once) });
      // The first does not suffer from it.
      await pushAll(channel, 'abc');
      expect(await first).toMatchObject({ ended: 'complete', chunks: [bytes('abc')] });
      expect((await read(channel.body)).ended).toMatchObject({ message: expect.stringMatching(once) });
    },
  );

  it.each(Object.entries(WAYS))(
    'is not wanted any more when the reader has enough, through %s',
    async (_, read) => {
      const channel = new BodyChannel();
      const reading = read(channel.body, { wanted: 1 });
      expect(channel.unwanted).toBe(false);
      const first = pushing(channel, 'abc');
      expect(await reading).toMatchObject({ ended: 'stopped', chunks: [bytes('abc')] });
      await macrotask();
      expect(first.taken).toBe(true);
      expect(channel.unwanted).toBe(true);
      expect(channel.push(bytes('def'))).toBeUndefined();
      expect(channel.body.size).toBe(6);
      channel.end();
    },
  );
});

describe('A body that is aborted', () => {
  const gone = new Error('gone');

  it.each(Object.entries(WAYS))('ends the reader who waits for more, through %s', async (_, read) => {
    const channel = new BodyChannel();
    const reading = read(channel.body);
    await channel.push(bytes('abc'));
    // A Readable hands a piece on a tick later.
    await macrotask();
    channel.fail(gone);
    expect(await reading).toEqual({ chunks: [bytes('abc')], ended: gone });
    expect(channel.unwanted).toBe(true);
    expect(channel.push(bytes('def'))).toBeUndefined();
  });

  it.each(Object.entries(WAYS))('is told to a reader who comes later, through %s', async (_, read) => {
    const channel = new BodyChannel();
    const first = pushing(channel, 'abc');
    channel.fail(gone);
    await macrotask();
    expect(first.taken).toBe(true);
    expect(await read(channel.body)).toEqual({ chunks: [], ended: gone });
  });

  it('ends a Readable that is full, and whose reader is not through with it', async () => {
    const channel = new BodyChannel();
    const readable = channel.body.readable();
    readable.read(0);
    void channel.push(Buffer.alloc(65_536));
    await macrotask();
    channel.fail(gone);
    await new Promise((resolve) => readable.on('close', resolve));
    expect(readable.errored).toBe(gone);
  });

  it('does no harm to a Readable without a listener for errors', async () => {
    const channel = new BodyChannel();
    const readable = channel.body.readable().resume();
    await channel.push(bytes('abc'));
    channel.fail(gone);
    await new Promise((resolve) => readable.on('close', resolve));
    expect(readable.errored).toBe(gone);
  });

  it.each(Object.entries(WAYS))(
    'is no complete one, though all of it had come, through %s',
    async (_, read) => {
      const channel = new BodyChannel();
      void channel.push(bytes('abc'));
      channel.end();
      channel.fail(gone);
      expect(await read(channel.body)).toEqual({ chunks: [], ended: gone });
    },
  );

  it.each(Object.entries(WAYS))('is as it was for who has seen its end, through %s', async (_, read) => {
    const channel = new BodyChannel();
    const reading = read(channel.body);
    await pushAll(channel, 'abc');
    await macrotask();
    channel.fail(gone);
    expect(textOf(await reading)).toBe('abc');
  });
});

describe('A body that is dropped', () => {
  it.each(Object.entries(WAYS))(
    'makes nothing wait, and is an error to a reader, through %s',
    async (_, read) => {
      const channel = new BodyChannel();
      const reading = read(channel.body, { pace: () => new Promise(() => undefined) });
      const first = pushing(channel, 'abc');
      await macrotask();
      channel.drop();
      channel.drop();
      await macrotask();
      expect(first.taken).toBe(true);
      expect(channel.unwanted).toBe(true);
      expect(channel.push(bytes('def'))).toBeUndefined();
      const answered = {
        ended: { message: expect.stringMatching(/has its answer.*wait for the end of the body/) },
      };
      if (read === WAYS['an Observable']) expect(await reading).toMatchObject(answered);
    },
  );

  it('can still be read where all of it had come', async () => {
    const channel = new BodyChannel();
    const piece = channel.push(bytes('abc'));
    channel.end();
    channel.drop();
    await piece;
    expect(await lastValueFrom(channel.body.chunks)).toEqual(bytes('abc'));
  });

  it('is no body for who comes later', async () => {
    const channel = new BodyChannel();
    channel.drop();
    await expect(lastValueFrom(channel.body.chunks)).rejects.toThrow('has its answer');
  });
});

describe('An async iterator over a body that is handed through', () => {
  it('has taken a piece when it asks for the next', async () => {
    const channel = new BodyChannel();
    const iterator = channel.body[Symbol.asyncIterator]();
    const waiting = iterator.next();
    const first = pushing(channel, 'abc');
    expect(await waiting).toEqual({ done: false, value: bytes('abc') });
    await macrotask();
    expect(first.taken).toBe(false);
    const next = iterator.next();
    await macrotask();
    expect(first.taken).toBe(true);
    const second = pushing(channel, 'def');
    expect((await next).value).toEqual(bytes('def'));
    await macrotask();
    expect(second.taken).toBe(false);
    await iterator.return?.();
    await macrotask();
    expect(second.taken).toBe(true);
    expect(channel.unwanted).toBe(true);
  });

  it('has taken at once what it had asked for twice', async () => {
    const channel = new BodyChannel();
    const iterator = channel.body[Symbol.asyncIterator]();
    const both = Promise.all([iterator.next(), iterator.next()]);
    expect(channel.push(bytes('abc'))).toBeUndefined();
    expect(channel.push(bytes('def'))).toBeInstanceOf(Promise);
    expect((await both).map(({ value }) => String(value))).toEqual(['abc', 'def']);
  });

  it('may be ended while it waits for a piece', async () => {
    const channel = new BodyChannel();
    const iterator = channel.body[Symbol.asyncIterator]();
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('gives nothing any more when it has been ended, an error neither', async () => {
    const channel = new BodyChannel();
    const iterator = channel.body[Symbol.asyncIterator]();
    const waiting = iterator.next();
    void channel.push(bytes('abc'));
    await waiting;
    channel.fail(new Error('gone'));
    await iterator.return?.();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('gives an error once, to the first who waits', async () => {
    const channel = new BodyChannel();
    const iterator = channel.body[Symbol.asyncIterator]();
    const both = Promise.allSettled([iterator.next(), iterator.next()]);
    channel.fail(new Error('gone'));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('keeps an error that comes between two pieces', async () => {
    const channel = new BodyChannel();
    const iterator = channel.body[Symbol.asyncIterator]();
    const waiting = iterator.next();
    void channel.push(bytes('abc'));
    channel.fail(new Error('gone'));
    expect((await waiting).value).toEqual(bytes('abc'));
    await expect(iterator.next()).rejects.toThrow('gone');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

describe('An Observable of a body that is handed through', () => {
  it('has taken a piece as soon as next has returned', () => {
    const channel = new BodyChannel();
    const seen: string[] = [];
    channel.body.chunks.subscribe({
      next: (chunk) => seen.push(String(chunk)),
      complete: () => seen.push('.'),
    });
    expect(channel.push(bytes('abc'))).toBeUndefined();
    expect(channel.push(bytes('def'))).toBeUndefined();
    channel.end();
    expect(seen).toEqual(['abc', 'def', '.']);
  });

  it('tells at once that it wants no more', () => {
    const channel = new BodyChannel();
    channel.body.chunks.pipe(take(1)).subscribe();
    expect(channel.push(bytes('abc'))).toBeUndefined();
    expect(channel.unwanted).toBe(true);
  });

  it('may see the end of the message from within next', async () => {
    const channel = new BodyChannel();
    const result = lastValueFrom(channel.body.chunks.pipe(toArray()));
    const other = new BodyChannel();
    other.body.chunks.subscribe(() => channel.end());
    expect(other.push(bytes('abc'))).toBeUndefined();
    expect(await result).toEqual([]);

    const failing = new BodyChannel();
    const failed = vi.fn();
    failing.body.chunks.subscribe({ next: () => failing.fail(new Error('gone')), error: failed });
    expect(failing.push(bytes('abc'))).toBeUndefined();
    expect(failed).toHaveBeenCalledTimes(1);
  });
});

describe('A body that is handed through, read by work that takes its time', () => {
  const workers: [
    string,
    (body: StreamedBody, work: (chunk: Uint8Array) => Promise<string>) => Promise<unknown>,
  ][] = [
    [
      'in a loop',
      async (body, work) => {
        for await (const chunk of body) await work(chunk);
      },
    ],
    [
      'in an Observable of a generator',
      (body, work) => {
        async function* results(): AsyncGenerator<string> {
          for await (const chunk of body) yield await work(chunk);
        }
        return lastValueFrom(from(results()));
      },
    ],
    ['with concatMap and repeat', (body, work) => lastValueFrom(inTurn(body, work))],
  ];

  it.each(workers)('has one piece in flight, and no more: %s', async (_, read) => {
    const channel = new BodyChannel();
    const begun: string[] = [];
    let finish: () => void = () => undefined;
    const reading = read(channel.body, (chunk) => {
      begun.push(String(chunk));
      return new Promise((resolve) => (finish = () => resolve(String(chunk))));
    });
    for (const text of ['abc', 'def', 'ghi']) {
      const piece = pushing(channel, text);
      await macrotask();
      expect([begun.at(-1), piece.taken]).toEqual([text, false]);
      finish();
      await macrotask();
      expect(piece.taken).toBe(true);
    }
    channel.end();
    await reading;
    expect(begun).toEqual(['abc', 'def', 'ghi']);
  });

  it.each(workers)('is not wanted any more after an error of the work: %s', async (_, read) => {
    const channel = new BodyChannel();
    const reading = read(channel.body, () => Promise.reject(new Error('wrong')));
    const first = pushing(channel, 'abc');
    await expect(reading).rejects.toThrow('wrong');
    await macrotask();
    expect([first.taken, channel.unwanted]).toEqual([true, true]);
  });

  it('wants no more when it is unsubscribed from, and ends the inner stream', async () => {
    const channel = new BodyChannel();
    const ended = vi.fn();
    const subscription = inTurn(channel.body, () => NEVER.pipe(finalize(ended))).subscribe();
    const first = pushing(channel, 'abc');
    await macrotask();
    subscription.unsubscribe();
    await macrotask();
    expect([first.taken, channel.unwanted]).toEqual([true, true]);
    expect(ended).toHaveBeenCalledTimes(1);
  });
});

describe('A Readable of a body that is handed through', () => {
  it('takes as much as it has room for, and waits then', async () => {
    const channel = new BodyChannel();
    const readable = channel.body.readable();
    expect(readable.readableHighWaterMark).toBe(65_536);
    readable.read(0);
    const half = 'x'.repeat(32_768);
    const pushes = [];
    for (let count = 0; count < 2; count++) {
      pushes.push(pushing(channel, half));
      await macrotask();
    }
    // The second has filled it.
    expect(pushes.map(({ taken }) => taken)).toEqual([true, false]);
    expect(readable.readableLength).toBe(65_536);
    readable.read();
    await macrotask();
    expect(pushes.map(({ taken }) => taken)).toEqual([true, true]);
  });

  it('wants no more when it is destroyed', async () => {
    const channel = new BodyChannel();
    const readable = channel.body.readable();
    readable.read(0);
    await channel.push(bytes('abc'));
    expect(channel.unwanted).toBe(false);
    readable.destroy();
    expect(channel.unwanted).toBe(true);
    await once(readable, 'close');
  });

  it('gives nothing any more when it has been destroyed', async () => {
    const channel = new BodyChannel();
    const data = vi.fn();
    const readable = channel.body.readable().on('data', data);
    await macrotask();
    const piece = channel.push(bytes('abc'));
    readable.destroy();
    await piece;
    await macrotask();
    expect(data).not.toHaveBeenCalled();
  });

  it('does not let a listener that throws into the connection of the MTA, nor end the process', async () => {
    const failed = vi.fn();
    const channel = new BodyChannel(failed);
    const readable = channel.body.readable();
    readable.on('data', () => {
      throw new Error('of a listener');
    });
    await macrotask();
    expect(() => channel.push(bytes('abc'))).not.toThrow();
    await new Promise((resolve) => readable.once('close', resolve));
    expect(failed.mock.calls).toEqual([[expect.objectContaining({ message: 'of a listener' })]]);
  });
});
