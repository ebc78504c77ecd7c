import { Subject, takeUntil, type Observable } from 'rxjs';

import type { BodyChunks } from '../../../src/message/message.js';

/** What came of reading a body. */
export interface Outcome {
  readonly chunks: readonly Uint8Array[];
  /** How it ended: by itself, because the reader did not want more, or with an error. */
  readonly ended: 'complete' | 'stopped' | Error;
}

export interface Habits {
  /** As many pieces are wanted. */
  readonly wanted?: number;
  /** What the reader does with each piece before it wants the next. */
  readonly pace?: (chunk: Uint8Array) => Promise<unknown>;
}

export type Read = (body: BodyChunks, habits?: Habits) => Promise<Outcome>;

const text = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString('latin1');

async function byIterator(
  body: AsyncIterable<Uint8Array>,
  { wanted = Infinity, pace }: Habits = {},
): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  if (wanted === 0) {
    await body[Symbol.asyncIterator]().return?.();
    return { chunks, ended: 'stopped' };
  }
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      await pace?.(chunk);
      if (chunks.length >= wanted) return { chunks, ended: 'stopped' };
    }
  } catch (error) {
    return { chunks, ended: error as Error };
  }
  return { chunks, ended: 'complete' };
}

function bySubscription(chunks$: Observable<Uint8Array>, wanted: number): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  const enough = new Subject<void>();
  return new Promise((resolve) => {
    let stopped = wanted === 0;
    chunks$.pipe(takeUntil(enough)).subscribe({
      next: (chunk) => {
        if (stopped) return;
        chunks.push(chunk);
        stopped = chunks.length >= wanted;
        if (stopped) enough.next();
      },
      error: (error: unknown) => resolve({ chunks, ended: error as Error }),
      complete: () => resolve({ chunks, ended: stopped ? 'stopped' : 'complete' }),
    });
    if (stopped) enough.next();
  });
}

/** The three ways to read a body. An Observable has no pace: it has taken a piece as soon as `next` returns. */
export const WAYS: Readonly<Record<string, Read>> = {
  'an async iterator': (body, habits) => byIterator(body, habits),
  'an Observable': (body, { wanted = Infinity } = {}) => bySubscription(body.chunks, wanted),
  'a Readable': (body, habits) => {
    const readable = body.readable();
    // What has not begun to iterate does not end it either.
    if (habits?.wanted === 0) readable.destroy();
    return byIterator(readable, habits);
  },
};

/** What was read, as text; an error where it did not come to its end. */
export function textOf({ chunks, ended }: Outcome): string {
  if (ended === 'complete') return text(chunks);
  throw ended instanceof Error ? ended : new Error(`The reading ${ended} after ${text(chunks)}`);
}
