import type { Flow } from './flow.js';
import type { Outcome } from './outcome.js';

/** Where the events of a connection go. */
export interface Receiver {
  next(flow: Flow): void;
  complete(): void;
  /** Nothing comes any more, complete or not: what still runs has to end. */
  close?(): void;
}

/** Who has opened a connection and wants to know of it. */
export interface ConnectionOwner {
  /** Whether every answer is wanted as an outcome, or only what went wrong. */
  readonly watched: boolean;
  outcome(outcome: Outcome): void;
  /** The connection is over; called once. */
  ended(): void;
}
