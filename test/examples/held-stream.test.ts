import { defer, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';

import { held } from '../../examples/held-stream.mjs';
import { marbles } from '../support/marbles.js';

const lost = new Error('connection lost');
const retries = { initial: 3, max: 6, jitter: 0 };

/** One source after the other, each time that it is subscribed to. */
function inTurn<T>(...sources: readonly Observable<T>[]): Observable<T> {
  let begun = 0;
  return defer(() => {
    const source = sources[begun++];
    if (source === undefined) throw new Error('There is no further source.');
    return source;
  });
}

describe('a held stream', () => {
  it(
    'begins anew after pauses that grow, from the first one again after a value, and tells of each outage once',
    marbles(({ cold, expectObservable, flush }) => {
      const report = vi.fn();
      const failing = cold('#', undefined, lost);
      const source = inTurn(
        cold('-a-#', undefined, lost),
        failing,
        failing,
        cold('-b-#', undefined, lost),
        cold('-c'),
      );
      // Pauses of 3, 6, 6, and 3.
      expectObservable(held(source, { retries, report })).toBe('-a-----------------b-----c');
      flush();
      expect(report.mock.calls).toEqual([[lost], [lost]]);
    }),
  );

  it(
    'keeps its last value while the source is away, also for those who come later',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a#', undefined, lost);
      const stream = held(source, {
        retries: { initial: 100_000, max: 100_000, jitter: 0 },
        report: vi.fn(),
      });
      expectObservable(stream, '^---------!').toBe('-a');
      expectObservable(stream, '-----^----!').toBe('-----a');
      expectSubscriptions(source.subscriptions).toBe('^-!');
    }),
  );

  it(
    'has another value once the source was away for long enough, whatever fails meanwhile',
    marbles(({ cold, expectObservable }) => {
      const source = inTurn(cold('-a#', undefined, lost), cold('#', undefined, lost), cold('-b'));
      const away = { value: 'x', after: 5 };
      expectObservable(held(source, { away, retries, report: vi.fn() })).toBe('-a-----x----b');
    }),
  );

  it(
    'does not have it where the source is back before',
    marbles(({ cold, expectObservable }) => {
      const source = inTurn(cold('-a#', undefined, lost), cold('-b'));
      const away = { value: 'x', after: 5 };
      expectObservable(held(source, { away, retries, report: vi.fn() })).toBe('-a----b');
    }),
  );

  it(
    'has it at once where there was no value yet',
    marbles(({ cold, expectObservable }) => {
      const source = inTurn(cold('-#', undefined, lost), cold('-b'));
      const away = { value: 'x', after: 5 };
      expectObservable(held(source, { away, retries, report: vi.fn() })).toBe('-x---b');
    }),
  );

  it(
    'takes an end for an outage',
    marbles(({ cold, expectObservable, flush }) => {
      const report = vi.fn();
      expectObservable(held(inTurn(cold('-a|'), cold('-b')), { retries, report })).toBe('-a----b');
      flush();
      expect(report.mock.calls).toEqual([[new Error('the stream has ended')]]);
    }),
  );

  it(
    'is connected once for all, and let go of a minute after the last of them',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('a');
      const stream = held(source);
      expectObservable(stream, '^--!').toBe('a');
      expectObservable(stream, '-^-----!').toBe('-a');
      expectObservable(stream, '59s ^--!').toBe('59s a');
      expectSubscriptions(source.subscriptions).toBe('^ 119002ms !');
    }),
  );
});
