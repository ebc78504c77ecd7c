import type { Observable } from 'rxjs';

import type { Flow } from '../session/flow.js';
import type { SubscriptionTimes } from './compare-subscriptions.js';

/** A stream that was drawn. */
export interface DrawnObservable<T> extends Observable<T> {
  /** When it was subscribed to, and for how long. */
  readonly subscriptions: readonly SubscriptionTimes[];
}

/**
 * Draws what flows through filters. A letter keeps its meaning for the whole drawing, so each is bound once, where it
 * first occurs; one that is bound to nothing, or to two things, is a `DrawingError`.
 */
export interface FlowHelper {
  /** A source that emits whether anybody listens or not: what a connection is. */
  hot(diagram: string, values?: Readonly<Record<string, Flow>>, error?: unknown): DrawnObservable<Flow>;
  /** A source that begins when it is subscribed to. */
  cold(diagram: string, values?: Readonly<Record<string, Flow>>, error?: unknown): DrawnObservable<Flow>;
  /**
   * Subscribes to a stream, which may be of anything, and compares what comes out with a diagram.
   *
   * @param subscription when to subscribe and unsubscribe, such as `^---!`; by default at once and never
   */
  expect<T>(source: Observable<T>, subscription?: string): StreamExpectation<T>;
}

/** What a stream is to look like. */
export interface StreamExpectation<T> {
  /** @param error what it is to fail with at `#` */
  toBe(diagram: string, values?: Readonly<Record<string, NoInfer<T>>>, error?: unknown): void;
}

/** What the body of `marbles()` gets. The syntax of the diagrams is that of RxJS. */
export interface MarbleHelpers {
  /** A hot stream of anything; without values its letters are its values. */
  hot<T = string>(diagram: string, values?: Readonly<Record<string, T>>, error?: unknown): DrawnObservable<T>;
  /** A cold stream of anything; without values its letters are its values. */
  cold<T = string>(
    diagram: string,
    values?: Readonly<Record<string, T>>,
    error?: unknown,
  ): DrawnObservable<T>;
  readonly flow: FlowHelper;
  /** Compares when a drawn source was subscribed to, one diagram for each time; without a diagram: not at all. */
  subscriptions(source: DrawnObservable<unknown>): { toBe(...diagrams: readonly string[]): void };
  /** The time that a diagram takes up to its `|`, in milliseconds. */
  time(diagram: string): number;
  /** Runs what is drawn so far, to look at what it has left behind. At the end this happens by itself. */
  flush(): void;
}
