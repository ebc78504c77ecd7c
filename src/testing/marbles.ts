import { executionAsyncResource } from 'node:async_hooks';

import { checkArgument, checkOptions, func, type Rules } from '../common/options.js';
import { Drawing, type MarbleHelpers } from './drawing.js';

/** How a drawing is judged. */
export interface MarblesOptions {
  /**
   * The `expect` of the test runner, which then compares the values: with its matchers, and counted among its
   * assertions. By default they are compared field by field.
   */
  readonly expect?: (actual: unknown) => { toEqual(expected: unknown): unknown };
}

const RULES: Rules<MarblesOptions> = { expect: func };

/** What `marbles()` makes: the body of a test. */
export interface DrawnTest {
  /** Runs the drawing; throws a `DrawingError` where something else came out than was expected. */
  (): void;
  /**
   * The same for a runner that gets it as the result of a test, as in `test('…', () => marbles(…))`: runners wait for
   * what is like a promise.
   */
  then<T = void, E = never>(
    resolve?: ((value: undefined) => T | PromiseLike<T>) | null,
    reject?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E>;
}

/** Before fake timers can take its place. */
const soon = queueMicrotask;

/**
 * Makes the body of a test out of a drawing: `test('…', marbles(({ flow }) => { … }))`, with any test runner.
 *
 * Time is virtual, a character of a diagram is a millisecond, and RxJS's timers run in it; promises and the timers of
 * Node do not. What it returns throws a `DrawingError`, with both diagrams one above the other, where something else
 * came out than was expected, where a diagram makes no sense, and where the drawing has no end.
 *
 * A test that returns it, `test('…', () => marbles(…))`, runs it as well. One that is made in a test and neither called
 * nor returned is run all the same (with Vitest, Jest and node:test), and what it throws is an uncaught error, so that
 * the run of the tests fails.
 *
 * @throws TypeError where an argument is wrong
 * @example
 * test('refuses strangers', marbles(({ flow, subscriptions }) => {
 *   const [r, s] = [rcpt('friend@b.test'), rcpt('stranger@b.test')];
 *   const source = flow.hot('         -r-s-|', { r, s });
 *   flow.expect(filter(source)).toBe('-r-S-|', { S: replyTo(s, reject('Who?')) });
 *   subscriptions(source).toBe('      ^----!');
 * }));
 */
export function marbles(body: (helpers: MarbleHelpers) => void, options: MarblesOptions = {}): DrawnTest {
  checkArgument('marbles()', 'the first argument', body, func);
  checkOptions('marbles()', options, RULES);
  const { expect } = options;
  const compare = expect && ((expected: unknown, actual: unknown) => void expect(actual).toEqual(expected));
  let called = false;
  let failure: { readonly error: unknown } | undefined;
  const run = (): void => {
    called = true;
    try {
      new Drawing(compare).run(body);
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  if (testIsRunning()) {
    // Runners need some turns until they look at the result of a test.
    afterTurns(5, () => {
      if (!called) run();
    });
  }
  const then: DrawnTest['then'] = (resolve, reject) =>
    // Without the test itself in it, which would be waited for again.
    Promise.resolve()
      .then(() => {
        if (!called) run();
        if (failure !== undefined) throw failure.error;
        return undefined;
      })
      .then(resolve, reject);
  return Object.assign(run, { then });
}

/** Calls back in so many turns of the queue of promises. */
function afterTurns(turns: number, callback: () => void): void {
  soon(() => {
    if (turns === 0) callback();
    else afterTurns(turns - 1, callback);
  });
}

/**
 * Whether a test of Vitest, Jest or node:test is being run, and not the file that declares the tests: from what these
 * runners leave where code outside of them can see it. `false` with any other.
 */
function testIsRunning(): boolean {
  const { __vitest_worker__: vitest } = globalThis as { readonly __vitest_worker__?: VitestWorker };
  if (vitest !== undefined) return vitest.current?.type === 'test';
  const jest = (globalThis as Record<symbol, unknown>)[Symbol.for('$$jest-matchers-object')];
  if (jest !== undefined) return (jest as JestMatchers).state?.currentTestName !== undefined;
  // The callback of a test runs in the scope of an object of this class; that of describe() in one of another.
  return executionAsyncResource().constructor.name === 'Test';
}

interface VitestWorker {
  readonly current?: { readonly type?: unknown } | undefined;
}

interface JestMatchers {
  readonly state?: { readonly currentTestName?: unknown };
}
