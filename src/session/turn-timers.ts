import type { ResolvedOptions } from './options.js';
import type { Turn } from './turn.js';

/** The clock of the turn that is pending: its deadline, and at `eom` the signs of life. */
export class TurnTimers {
  readonly #options: ResolvedOptions;
  #deadline: NodeJS.Timeout | undefined;
  #progress: NodeJS.Timeout | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
  }

  start(turn: Turn, late: () => void, progress: () => void): void {
    const { timeouts } = this.#options;
    const atEom = turn.stage === 'eom';
    this.#deadline = setTimeout(late, atEom ? timeouts.eom : timeouts.reply);
    if (atEom) this.#progress = setInterval(progress, timeouts.progress);
  }

  /** From now on no signs of life: Postfix takes nothing between the frames of a body. */
  stopProgress(): void {
    if (this.#progress === undefined) return;
    clearInterval(this.#progress);
    this.#progress = undefined;
  }

  stop(): void {
    this.stopProgress();
    if (this.#deadline === undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
}
