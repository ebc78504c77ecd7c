import { executionAsyncResource } from 'node:async_hooks';

import { checkArgument, checkOptions, func, type Rules } from '../common/options.js';
import { Drawing, type MarbleHelpers } from './drawing.js';

/** The options of `marbles()`. */
export interface MarblesOptions {
  /** The `expect` of the test runner, to compare the values. Default: they are compared field by field. */
  readonly expect?: (actual: unknown) => {
    /** Throws where the two are not equal. */
    toEqual(expected: unknown): unknown;
  };
}

const RULES: Rules<MarblesOptions> = { expect: func };

/** The body of a test, made by `marbles()`. */
export interface DrawnTest {
  /** Runs the drawing; throws a `DrawingError` where the streams are not the expected ones. */
  (): void;
  /** Runs it for a test that returns it: test runners wait for a result with this method. */
  then<T = void, E = never>(
    resolve?: ((value: undefined) => T | PromiseLike<T>) | null,
    reject?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E>;
}

/** Taken before fake timers can take its place. */
const soon = queueMicrotask;

/**
 * Makes the body of a test out of a drawing: `test('…', marbles(({ flow }) => { … }))`, with any test runner.
 *
 * @remarks
 * Time is virtual, a character of a diagram is a millisecond, and RxJS's timers run in it; promises and the timers of
 * Node do not. The body throws a `DrawingError` where the streams are not the expected ones, where a diagram makes no
 * sense, and where the drawing has no end. A test may also return the drawing. One that is made in a test and neither
 * called nor returned is run nevertheless (with Vitest, Jest and node:test); its failure is an uncaught error.
 *
 * @throws TypeError where an argument is wrong
 * @see simulate for filters that wait for promises
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
    // Runners need some turns until they take the result of a test.
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
  soon(turns === 0 ? callback : () => afterTurns(turns - 1, callback));
}

/** Whether a test of Vitest, Jest or node:test runs, by the state that these runners leave in the open. */
function testIsRunning(): boolean {
  const globals = globalThis as Readonly<Record<PropertyKey, unknown>>;
  const vitest = globals.__vitest_worker__ as { current?: { type?: unknown } } | undefined;
  if (vitest !== undefined) return vitest.current?.type === 'test';
  const jest = globals[Symbol.for('$$jest-matchers-object')] as
    { state?: { currentTestName?: unknown } } | undefined;
  if (jest !== undefined) return jest.state?.currentTestName !== undefined;
  // The callback of a test runs in the scope of an object of this class; that of describe() in one of another.
  return executionAsyncResource().constructor.name === 'Test';
}
