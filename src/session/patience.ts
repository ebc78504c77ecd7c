import type { ResolvedOptions } from './options.js';

/** What a connection is waiting for. */
export interface Waiting {
  readonly negotiating: boolean;
  /** What was written is not taken. */
  readonly untaken: boolean;
  readonly midFrame: boolean;
  /** The filter is deciding: the silence is ours. */
  readonly pending: boolean;
}

/** Knows when a connection has been waited for long enough. */
export class Patience {
  readonly #timeouts: ResolvedOptions['timeouts'];
  /** Milliseconds without bytes from the MTA, and with something that should not take long. */
  #silence = 0;
  #stuck = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(timeouts: ResolvedOptions['timeouts']) {
    this.#timeouts = timeouts;
  }

  /** The MTA has sent something. */
  heard(): void {
    this.#silence = 0;
  }

  /** Lets time pass; says what to complain of where it has become too much. */
  tick(elapsed: number, waiting: Waiting): string | undefined {
    const { negotiate, frame, idle } = this.#timeouts;
    this.#silence += elapsed;
    this.#stuck = waiting.negotiating || waiting.untaken || waiting.midFrame ? this.#stuck + elapsed : 0;
    if (waiting.negotiating) {
      return this.#stuck > negotiate ? `No negotiation within ${negotiate} ms` : undefined;
    }
    if (this.#stuck > frame) {
      return waiting.untaken
        ? `The MTA did not take its reply within ${frame} ms`
        : `The MTA began a frame and did not end it within ${frame} ms`;
    }
    return this.#silence > idle && !waiting.pending ? `The MTA was silent for ${idle} ms` : undefined;
  }

  /** Calls `done` after the time that a quiet connection has while the server stops; starts anew at each call. */
  linger(done: () => void): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(done, this.#timeouts.linger);
  }

  stop(): void {
    clearTimeout(this.#linger);
  }
}
