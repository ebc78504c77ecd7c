/**
 * A count over the last `window` milliseconds, in two numbers: what was counted since the last multiple of `window`, and
 * between the two before. Of the latter as much counts as lies within the window, taken as if it had come evenly.
 */
export class SlidingCount {
  readonly #window: number;
  #slot: number;
  #current = 0;
  #previous = 0;

  constructor(window: number, now: number) {
    this.#window = window;
    this.#slot = Math.floor(now / window);
  }

  /** Counts one more unless it would exceed `limit`; says how many that makes. */
  hit(now: number, limit: number): number {
    this.#advance(Math.floor(now / this.#window));
    const begun = now / this.#window - this.#slot;
    // Negative where the clock was set back: then the slot has just begun.
    const rest = Math.min(1, 1 - begun);
    // Rounded down: otherwise the last of the limit would be had by nobody, and of a limit of 1 that is all.
    const count = Math.floor(this.#previous * rest) + this.#current + 1;
    if (count <= limit) this.#current++;
    return count;
  }

  #advance(slot: number): void {
    if (slot <= this.#slot) return;
    this.#previous = slot === this.#slot + 1 ? this.#current : 0;
    this.#current = 0;
    this.#slot = slot;
  }
}
