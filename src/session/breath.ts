/** So many steps may follow on one another without a look at the clock. */
const STEPS = 64;
/** So long, in milliseconds, may a loop keep the process to itself. */
const TURN = 10;

/** Interrupts a loop over promises that are kept at once, between which neither timers nor sockets get their turn. */
export class Breath {
  #steps = 0;
  #since = performance.now();

  /** Whether the loop should wait now; asked once in each round of it. */
  get due(): boolean {
    if (++this.#steps % STEPS !== 0) return false;
    return performance.now() - this.#since > TURN;
  }

  /** Waits, where it is due, until all others had their turn; asked once in each round of the loop. */
  pause(): Promise<void> | undefined {
    if (!this.due) return undefined;
    return new Promise((resolve) => this.later(resolve));
  }

  /** The same with a callback. */
  later(go: () => void): void {
    setImmediate(() => {
      this.#since = performance.now();
      go();
    });
  }
}

/** So long, in milliseconds, may code that cannot be interrupted go on in one go. */
const LONGEST = 2_000;

/** Finds an Observable or iterator that gives one thing after the other while nothing else gets its turn. */
export class Burst {
  #steps = 0;
  #since: number | undefined;

  /** Called at each step; throws the error when it has been too long. */
  step(error: () => Error): void {
    if (++this.#steps % STEPS !== 0) return;
    if (this.#since === undefined) {
      this.#since = performance.now();
      setImmediate(() => (this.#since = undefined));
    } else if (performance.now() - this.#since > LONGEST) {
      throw error();
    }
  }
}
