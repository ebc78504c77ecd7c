import type { Flow } from '../../session/flow.js';
import type { Tags } from '../../session/negotiation/tags.js';

/** Where a running step puts what it lets through. */
export interface Downstream {
  next(flow: Flow): void;
  error(error: unknown): void;
  complete(): void;
}

/** A running step: what comes from above, and the end of all interest in it. */
export interface Upstream extends Downstream {
  /** Nobody wants anything any more: cancels what runs. Nothing is emitted from here on. */
  close(): void;
}

/** One link of a filter, not yet running: filters are made of these, so that neighbours can share one table. */
export interface Step {
  readonly tags: Tags;
  /** The flow that it wants to see, as bits of `BIT`; all else passes it by. */
  readonly interest: number;
  /** Starts it for one connection. */
  open(down: Downstream): Upstream;
}
