/** A connection that keeps the beginning of a frame whose end has not come. */
export interface FrameKeeper {
  /** All together keep too much, and this one has for longest: it has to end. */
  overBudget(most: number): void;
}

/**
 * How much the unfinished frames of all connections of a server may take. Beyond it the oldest one has to go, since a
 * mail server that works ends a frame within milliseconds; to stop reading would let a few peers keep the server from
 * all others.
 */
export class FrameBudget {
  readonly #most: number;
  /** By their age. */
  readonly #kept = new Map<FrameKeeper, number>();
  #sum = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** The connection keeps so many bytes of the frame that it is in the middle of. */
  keep(keeper: FrameKeeper, bytes: number): void {
    this.#sum += bytes - (this.#kept.get(keeper) ?? 0);
    this.#kept.set(keeper, bytes);
    while (this.#sum > this.#most) {
      const [oldest] = this.#kept.keys();
      if (oldest === undefined) return;
      this.release(oldest);
      // Not at once: it may be the one that is being read.
      queueMicrotask(() => oldest.overBudget(this.#most));
    }
  }

  release(keeper: FrameKeeper): void {
    this.#sum -= this.#kept.get(keeper) ?? 0;
    this.#kept.delete(keeper);
  }
}
