import type { ResolvedOptions } from './options.js';
import type { Turn } from './turn.js';
import type { Waited } from './unanswered-error.js';

/** The clock of the turn that is pending: its deadline, and at `eom` the signs of life. */
export class TurnTimers {
  readonly #options: ResolvedOptions;
  #deadline: NodeJS.Timeout | undefined;
  #progress: NodeJS.Timeout | undefined;
  /** What the parts of the body frame in progress have taken so far: the MTA waits for one answer to all of them. */
  #spent = 0;
  #since: number | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  start(turn: Turn, late: () => void, progress?: () => void): void {
    const { timeouts } = this.#options;
    const atEom = turn.stage === 'eom';
    const left = timeouts[limitOf(turn)] - this.#spent;
    // The frame has had its time, and failures let it pass: its other parts are seen, and not waited for.
    if (left <= 0) {
      late();
      return;
    }
    // Only the parts of a frame share their time.
    if (turn.mode === 'part') this.#since = performance.now();
    this.#deadline = setTimeout(late, left);
    if (atEom && progress !== undefined) this.#progress = setInterval(progress, timeouts.progress);
  }

  /** How long a turn has had when it is late, and which option says so. */
  waited(turn: Turn): Waited {
    const name = limitOf(turn);
    return { waited: this.#options.timeouts[name], limit: `timeouts.${name}` };
  }

  /** The turn is over. After a part of a body frame the next one has what is left of the time. */
  stop(part: boolean): void {
    if (!part) this.#spent = 0;
    else if (this.#since !== undefined) this.#spent += performance.now() - this.#since;
    this.#since = undefined;
    if (this.#progress !== undefined) {
      clearInterval(this.#progress);
      this.#progress = undefined;
    }
    if (this.#deadline === undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** The frame in progress is answered, or will not be. */
  forget(): void {
    this.#spent = 0;
  }
}

/** The MTA does not wait at a silent stage: what is held there has as much time as the end of a message. */
function limitOf(turn: Turn): 'eom' | 'reply' {
  return turn.stage === 'eom' || turn.mode === 'silent' ? 'eom' : 'reply';
}
