import type { Site } from '../../session/answer-watch.js';
import type { Flow } from '../../session/flow.js';
import type { Tags } from '../../session/negotiation/tags.js';

/** Where a running step puts what it lets through. */
export interface Downstream {
  next(flow: Flow): void;
  error(error: unknown): void;
  complete(): void;
}

/** A running step: takes the flow from above, and may be closed. */
export interface Upstream extends Downstream {
  /** Cancels all that runs. Nothing is emitted from here on. */
  close(): void;
}

/** One link of a filter, not yet running. A filter is a list of these, so that neighbours can share one table. */
export interface Step {
  readonly tags: Tags;
  /** The flow that it wants, as bits of `BIT`; all else passes it by. */
  readonly interest: number;
  /** The call of the operator, where it decides. */
  readonly site?: Site;
  /** It reads bodies and keeps no piece beyond its event, or a copy: see `isLent()`. */
  readonly copiesBody?: true;
  /** Starts it for one connection. */
  open(down: Downstream): Upstream;
}

/**
 * A running step with the usual ends, which lets everything pass: an error closes it and travels on; a completed source
 * completes it as soon as nothing is under way.
 */
export class RunningStep implements Upstream {
  protected readonly down: Downstream;
  /** The source has completed. */
  protected completed = false;

  constructor(down: Downstream) {
    this.down = down;
  }

  next(flow: Flow): void {
    this.down.next(flow);
  }

  /** Whether something is under way. When that is over, `settle()` has to be called. */
  protected isBusy(): boolean {
    return false;
  }

  /** Cancels what is under way. */
  protected cancel(): void {
    // Nothing is, by default.
  }

  error(error: unknown): void {
    this.close();
    this.down.error(error);
  }

  complete(): void {
    this.completed = true;
    this.settle();
  }

  close(): void {
    this.completed = false;
    this.cancel();
  }

  /** Something under way is over. */
  protected settle(): void {
    if (this.completed && !this.isBusy()) this.finish();
  }

  /** Completes, whatever is under way. */
  protected finish(): void {
    this.close();
    this.down.complete();
  }
}
