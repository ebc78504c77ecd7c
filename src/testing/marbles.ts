import { Drawing } from './drawing.js';
import type { MarbleHelpers } from './marble-helpers.js';

/** How a drawing is judged. */
export interface MarblesOptions {
  /**
   * The `expect` of the test runner, which then compares the values: with its matchers, and counted among its
   * assertions. By default they are compared field by field.
   */
  readonly expect?: (actual: unknown) => { toEqual(expected: unknown): unknown };
}

/**
 * Makes the body of a test out of a drawing: `test('…', marbles(({ flow }) => { … }))`, with any test runner.
 *
 * Time is virtual, a character of a diagram is a millisecond, and RxJS's timers run in it; promises and the timers of
 * Node do not. What it returns throws a `DrawingError`, with both diagrams one above the other, where something else
 * came out than was expected, and where a diagram makes no sense.
 *
 * @example
 * test('refuses strangers', marbles(({ flow, subscriptions }) => {
 *   const [r, s] = [rcpt('friend@b.test'), rcpt('stranger@b.test')];
 *   const source = flow.hot('         -r-s-|', { r, s });
 *   flow.expect(filter(source)).toBe('-r-S-|', { S: replyTo(s, reject('Who?')) });
 *   subscriptions(source).toBe('      ^----!');
 * }));
 */
export function marbles(body: (helpers: MarbleHelpers) => void, options: MarblesOptions = {}): () => void {
  const { expect } = options;
  const compare = expect && ((expected: unknown, actual: unknown) => void expect(actual).toEqual(expected));
  return () => {
    new Drawing(compare).run(body);
  };
}
