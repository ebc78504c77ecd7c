import { take, type Observable } from 'rxjs';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';

import type { Flow } from '../session/flow.js';
import {
  compareStreams,
  compareSubscriptions,
  type Compare,
  type Moment,
  type SubscriptionTimes,
} from './comparison.js';
import { DrawingError } from './drawing-error.js';
import { Letters, meaningsIn } from './letters.js';

type Values<T> = Readonly<Record<string, T>>;

/** A stream that was drawn. */
export interface DrawnObservable<T> extends Observable<T> {
  /** The times of its subscriptions. */
  readonly subscriptions: readonly SubscriptionTimes[];
}

/**
 * Draws the events of filters.
 *
 * @remarks
 * A letter keeps its meaning for the whole drawing: it is bound once, where it first occurs. One that is bound to
 * nothing, or to two values, is a `DrawingError`.
 */
export interface FlowHelper {
  /** Draws a source that emits with and without subscribers, as a connection does. */
  hot(diagram: string, values?: Values<Flow>, error?: unknown): DrawnObservable<Flow>;
  /** Draws a source that begins when it is subscribed to. */
  cold(diagram: string, values?: Values<Flow>, error?: unknown): DrawnObservable<Flow>;
  /**
   * Subscribes to a stream, which may be of anything, and compares it with a diagram.
   *
   * @param subscription when to subscribe and unsubscribe, such as `^---!`; by default at once and never
   */
  expect<T>(source: Observable<T>, subscription?: string): StreamExpectation<T>;
}

/** Takes the diagram that a stream is expected to be. */
export interface StreamExpectation<T> {
  /** States the diagram; its letters are `values`, and `#` is `error`. */
  toBe(diagram: string, values?: Values<NoInfer<T>>, error?: unknown): void;
}

/** The tools that the body of `marbles()` draws with. The syntax of the diagrams is that of RxJS. */
export interface MarbleHelpers {
  /** Draws a hot stream of anything; without values its letters are its values. */
  hot<T = string>(diagram: string, values?: Values<T>, error?: unknown): DrawnObservable<T>;
  /** Draws a cold stream of anything; without values its letters are its values. */
  cold<T = string>(diagram: string, values?: Values<T>, error?: unknown): DrawnObservable<T>;
  readonly flow: FlowHelper;
  /** Compares the subscriptions to a drawn source, one diagram for each; without a diagram: not at all. */
  subscriptions(source: DrawnObservable<unknown>): {
    /** States the diagrams, such as `'^--!'`. */
    toBe(...diagrams: readonly string[]): void;
  };
  /** The time that a diagram takes up to its `|`, in milliseconds. */
  time(diagram: string): number;
  /** Runs the drawing up to here, to look at its effects. At the end this happens by itself. */
  flush(): void;
}

type Check = (actual: readonly unknown[], expected: readonly unknown[], name: string) => void;

/** A comparison that RxJS asks for when it has run the drawing. */
interface Expectation {
  name: string;
  stated: boolean;
  /** The place in the test where it was stated. */
  readonly place: { readonly stack?: string };
  readonly check: Check;
}

/** More than any drawing that is meant to end has; an endless one gets there within a second. */
const MOST_STEPS = 1_000_000;
const MOST_VALUES = 100_000;
const ENDS =
  "End it in the drawing, with take() or takeUntil(), or by when to unsubscribe: flow.expect(source, '^---!').";

/** One drawing: its virtual time, its letters, and its expectations. */
export class Drawing {
  readonly #letters = new Letters();
  readonly #compare: Compare | undefined;
  /** In the order in which RxJS compares them. */
  readonly #expectations: Expectation[] = [];
  readonly #scheduler = new TestScheduler((actual: readonly unknown[], expected: readonly unknown[]) => {
    const next = this.#expectations.shift();
    try {
      next?.check(actual, expected, next.name);
    } catch (error) {
      throw error instanceof DrawingError && next !== undefined ? error.at(next.place) : error;
    }
  });

  constructor(compare: Compare | undefined) {
    this.#compare = compare;
    countSteps(this.#scheduler);
  }

  /** Runs the body, and then its drawing. */
  run(body: (helpers: MarbleHelpers) => unknown): void {
    this.#scheduler.run((rx) => {
      const result = body({
        hot: <T>(diagram: string, values?: Values<T>, error?: unknown) =>
          rx.hot(diagram, valuesIn('hot', diagram, values), error) as DrawnObservable<T>,
        cold: <T>(diagram: string, values?: Values<T>, error?: unknown) =>
          rx.cold(diagram, valuesIn('cold', diagram, values), error) as DrawnObservable<T>,
        flow: this.#flow(rx),
        subscriptions: (source) => this.#subscriptions(source),
        time: rx.time,
        flush: () => {
          this.#checkStated();
          rx.flush();
        },
      });
      if (typeof result === 'object' && result !== null && 'then' in result) {
        throw new DrawingError(
          'The body of marbles() is async, or returns a promise. Virtual time does not wait for promises: ' +
            'write it without, and test filters that wait for one with simulate().',
        );
      }
      this.#checkStated();
    });
  }

  #flow({ hot, cold }: RunHelpers): FlowHelper {
    const bind = (where: string, diagram: string, values?: Values<Flow>): Record<string, Flow> =>
      this.#letters.bind(where, diagram, values) as Record<string, Flow>;
    return {
      hot: (diagram, values, error) => hot(diagram, bind('flow.hot', diagram, values), error),
      cold: (diagram, values, error) => cold(diagram, bind('flow.cold', diagram, values), error),
      expect: (source, subscription) => this.#expect(source, subscription),
    };
  }

  #expect<T>(source: Observable<T>, subscription: string | undefined): StreamExpectation<T> {
    const rx = this.#scheduler.expectObservable(source.pipe(take(MOST_VALUES + 1)), subscription);
    const state = this.#add('flow.expect', (actual, expected, name) => {
      if (actual.length > MOST_VALUES) {
        throw new DrawingError(`${name}: the stream has given ${MOST_VALUES} values and goes on. ${ENDS}`);
      }
      compareStreams(expected as Moment[], actual as Moment[], name, this.#letters, this.#compare);
    });
    const toBe: StreamExpectation<T>['toBe'] = (diagram, values, error) => {
      state(`flow.expect(…).toBe('${diagram.trim()}')`, toBe);
      rx.toBe(diagram, this.#letters.bind('toBe', diagram, values), error);
    };
    return { toBe };
  }

  #subscriptions(source: DrawnObservable<unknown>): ReturnType<MarbleHelpers['subscriptions']> {
    // RxJS reads the diagrams; the times are the source's own.
    const rx = this.#scheduler.expectSubscriptions([]);
    const state = this.#add('subscriptions', (_actual, expected, name) => {
      compareSubscriptions(expected as SubscriptionTimes[], source.subscriptions, name);
    });
    const toBe = (...expected: readonly string[]): void => {
      const diagrams = expected.map((diagram) => `'${diagram.trim()}'`).join(', ');
      state(`subscriptions(…).toBe(${diagrams})`, toBe);
      rx.toBe([...expected]);
    };
    return { toBe };
  }

  /** Adds an expectation; returns how to state it, by its name and the function that the test has called. */
  #add(call: string, check: Check): (name: string, caller: (...args: never[]) => void) => void {
    const name = `${call}() no. ${this.#expectations.length + 1}`;
    const expectation: Expectation = { name, stated: false, place: {}, check };
    this.#expectations.push(expectation);
    return (words, caller) => {
      Object.assign(expectation, { name: words, stated: true });
      Error.captureStackTrace(expectation.place, caller);
    };
  }

  /** An expectation without a diagram would pass in any case. */
  #checkStated(): void {
    const open = this.#expectations.find(({ stated }) => !stated);
    if (open === undefined) return;
    throw new DrawingError(`${open.name} expects nothing: say what with .toBe('--a|').`);
  }
}

function valuesIn<T>(where: string, diagram: string, values?: Values<T>): Record<string, T> | undefined {
  return values && meaningsIn(where, diagram, new Map(Object.entries(values)));
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
