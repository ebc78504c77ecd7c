import type { Flow } from '../flow.js';
import type { Outcome } from '../outcome.js';

/** The socket of a connection, or what stands in for one. */
export interface ConnectionIo {
  /** `false`: the peer does not take it yet, and `drained()` will be called when it has. */
  write(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Writes what is still to be written, then closes. */
  end(): void;
  destroy(): void;
}

/** Where the events of a connection go: the first of its filters. */
export interface Receiver {
  next(flow: Flow): void;
  complete(): void;
  /** Nothing comes any more, complete or not. */
  close?(): void;
}

/** The server that a connection belongs to. */
export interface ConnectionOwner {
  /** Whether every answer is wanted as an outcome, or only what went wrong. */
  watched(): boolean;
  outcome(outcome: Outcome): void;
  /** The connection is over; called once. */
  ended(): void;
}
