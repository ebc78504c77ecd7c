import { tap, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';

import type { Flow } from '../session/flow.js';
import { compareStreams, type Judge, type Moment } from './compare-streams.js';
import { compareSubscriptions, type SubscriptionTimes } from './compare-subscriptions.js';
import { DrawingError } from './drawing-error.js';
import { lettersIn } from './letters-in.js';
import { Letters } from './letters.js';
import type { DrawnObservable, FlowHelper, MarbleHelpers, StreamExpectation } from './marble-helpers.js';

type Check = (actual: unknown, expected: unknown) => void;
type Values = Readonly<Record<string, unknown>>;

/** No drawing that anybody reads has as many steps, and most of those without an end have them within a second. */
const MOST_STEPS = 1_000_000;
const MOST_VALUES = 100_000;
const ENDS =
  "End it in the drawing, with take() or takeUntil(), or by when to unsubscribe: flow.expect(source, '^---!').";

/** One drawing: its virtual time, its letters, and what is expected of it. */
export class Drawing {
  readonly #scheduler: TestScheduler;
  readonly #letters = new Letters();
  readonly #compare: Judge['compare'];
  /** What is to be checked, in the order in which the scheduler will hand it over. */
  readonly #checks: Check[] = [];
  /** Expectations of which nobody has said yet what is expected. */
  readonly #open = new Set<string>();

  constructor(compare: Judge['compare']) {
    this.#compare = compare;
    this.#scheduler = new TestScheduler((actual: unknown, expected: unknown) => {
      this.#checks.shift()?.(actual, expected);
    });
    countSteps(this.#scheduler);
  }

  /** Runs the body, and then what it has drawn. */
  run(body: (helpers: MarbleHelpers) => unknown): void {
    this.#scheduler.run(({ hot, cold, time, flush }) => {
      const result = body({
        hot: <T>(diagram: string, values?: Readonly<Record<string, T>>, error?: unknown) =>
          hot(diagram, bound('hot', diagram, values), error) as DrawnObservable<T>,
        cold: <T>(diagram: string, values?: Readonly<Record<string, T>>, error?: unknown) =>
          cold(diagram, bound('cold', diagram, values), error) as DrawnObservable<T>,
        flow: this.#flow(hot, cold),
        subscriptions: (source) => this.#subscriptions(source),
        time,
        flush: () => {
          this.#checkOpen();
          flush();
        },
      });
      if (typeof result === 'object' && result !== null && 'then' in result) {
        throw new DrawingError(
          'The body of marbles() is async, or returns a promise. Virtual time does not wait for promises: ' +
            'write it without, and test filters that wait for one with simulate().',
        );
      }
      this.#checkOpen();
    });
  }

  #flow(hot: TestScheduler['createHotObservable'], cold: TestScheduler['createColdObservable']): FlowHelper {
    const bind = (where: string, diagram: string, values?: Values): Record<string, Flow> =>
      this.#letters.bind(where, diagram, values) as Record<string, Flow>;
    return {
      hot: (diagram, values, error) => hot(diagram, bind('flow.hot', diagram, values), error),
      cold: (diagram, values, error) => cold(diagram, bind('flow.cold', diagram, values), error),
      expect: (source, subscription) => this.#expect(source, subscription),
    };
  }

  #expect<T>(source: Observable<T>, subscription: string | undefined): StreamExpectation<T> {
    let values = 0;
    const counted = tap<T>(() => {
      if (++values > MOST_VALUES) throw new DrawingError('It has no end.');
    });
    const expectation = this.#scheduler.expectObservable(source.pipe(counted), subscription);
    let name = `flow.expect() no. ${this.#checks.length + 1}`;
    this.#open.add(name);
    const place: { stack?: string } = {};
    this.#checks.push((actual, expected) => {
      pointingAt(place, () => {
        if (values > MOST_VALUES) {
          throw new DrawingError(`${name}: the stream has given ${MOST_VALUES} values and goes on. ${ENDS}`);
        }
        compareStreams(expected as readonly Moment[], actual as readonly Moment[], {
          name,
          letters: this.#letters,
          compare: this.#compare,
        });
      });
    });
    const toBe: StreamExpectation<T>['toBe'] = (diagram, values, error) => {
      Error.captureStackTrace(place, toBe);
      this.#open.delete(name);
      name = `flow.expect(…).toBe('${diagram.trim()}')`;
      expectation.toBe(diagram, this.#letters.bind('toBe', diagram, values), error);
    };
    return { toBe };
  }

  #subscriptions(source: DrawnObservable<unknown>): ReturnType<MarbleHelpers['subscriptions']> {
    const expectation = this.#scheduler.expectSubscriptions([]);
    const name = `subscriptions() no. ${this.#checks.length + 1}`;
    this.#open.add(name);
    const place: { stack?: string } = {};
    let diagrams = '';
    this.#checks.push((_actual, expected) => {
      pointingAt(place, () => {
        // RxJS is asked for what it makes of the diagrams only: the log is the source's own.
        compareSubscriptions(expected as readonly SubscriptionTimes[], source.subscriptions, diagrams);
      });
    });
    const toBe = (...expected: readonly string[]): void => {
      Error.captureStackTrace(place, toBe);
      this.#open.delete(name);
      diagrams = `subscriptions(…).toBe(${expected.map((diagram) => `'${diagram.trim()}'`).join(', ')})`;
      expectation.toBe([...expected]);
    };
    return { toBe };
  }

  /** An expectation without its end would pass whatever happens. */
  #checkOpen(): void {
    const [name] = this.#open;
    if (name === undefined) return;
    throw new DrawingError(`${name} expects nothing: say what with .toBe('--a|').`);
  }
}

/** Virtual time runs until no timer is left, which may be never: RxJS sets the frame before each step. */
function countSteps(scheduler: TestScheduler): void {
  let steps = 0;
  let now = scheduler.frame;
  Object.defineProperty(scheduler, 'frame', {
    get: () => now,
    set: (frame: number) => {
      now = frame;
      if (++steps <= MOST_STEPS) return;
      throw new DrawingError(
        `The drawing has no end: after ${MOST_STEPS} steps, at ${frame} ms, a timer is still running, ` +
          `such as that of an interval() or a repeat(). ${ENDS}`,
      );
    },
  });
}

/** What is found long after the expectation was written down is told where that was. */
function pointingAt(place: { readonly stack?: string }, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw error instanceof DrawingError ? error.at(place) : error;
  }
}

/** RxJS takes a letter without a meaning for `undefined`; that is a slip. */
function bound<T>(
  where: string,
  diagram: string,
  values?: Readonly<Record<string, T>>,
): Record<string, T> | undefined {
  if (values === undefined) return undefined;
  const missing = lettersIn(diagram).find((letter) => !Object.hasOwn(values, letter));
  if (missing === undefined) return values;
  throw new DrawingError(
    `${where} '${diagram.trim()}': nothing says what the letter ${missing} is. Give it beside the diagram, as { ${missing}: … }.`,
  );
}
