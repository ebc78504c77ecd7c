import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { expect } from 'vitest';

/**
 * A test drawn in marbles: `it('…', marbles(({ hot, expectObservable }) => { … }))`. Time is virtual, and only that of
 * RxJS: promises never come about in it.
 */
export function marbles(draw: (helpers: RunHelpers) => void): () => void {
  return () => {
    const scheduler = new TestScheduler((actual, expected) => {
      expect(actual).toStrictEqual(expected);
    });
    scheduler.run(draw);
  };
}
