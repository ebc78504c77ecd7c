import type { ResolvedOptions } from './options.js';

/** What a connection is waiting for. */
export interface Waiting {
  readonly negotiating: boolean;
  /** Its events have no subscriber: the MTA waits for us. */
  readonly detached: boolean;
  /** What was written is not taken. */
  readonly untaken: boolean;
  /** Where in the stream the frame began that has not ended; `undefined` between frames. */
  readonly midFrame: number | undefined;
  /** The filter is deciding: the silence is ours. */
  readonly pending: boolean;
}

/** Knows when a connection has been waited for long enough. */
export class Patience {
  readonly #timeouts: ResolvedOptions['timeouts'];
  /** Milliseconds without bytes from the MTA, and with something that should not take long. */
  #silence = 0;
  #stuck = 0;
  #frame: number | undefined;
  /** Milliseconds since the end. */
  #gone = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(timeouts: ResolvedOptions['timeouts']) {
    this.#timeouts = timeouts;
  }

  /** The MTA has sent something. */
  heard(): void {
    this.#silence = 0;
  }

  /** The MTA has taken what was written. */
  moved(): void {
    this.#stuck = 0;
  }

  /** Lets time pass since the end; whether the MTA has kept its side open for too long. */
  overdue(elapsed: number): boolean {
    this.#gone += elapsed;
    return this.#gone > this.#timeouts.frame;
  }

  /** Lets time pass; says what to complain of where it has become too much. */
  tick(elapsed: number, waiting: Waiting): string | undefined {
    const { negotiate, frame, idle } = this.#timeouts;
    this.#silence += elapsed;
    // A frame that was not there the last time is another one, and its time begins.
    const sameFrame = waiting.midFrame !== undefined && waiting.midFrame === this.#frame;
    this.#frame = waiting.midFrame;
    this.#stuck = waiting.negotiating || waiting.untaken || sameFrame ? this.#stuck + elapsed : 0;
    if (waiting.negotiating) {
      if (this.#stuck <= negotiate) return undefined;
      return waiting.detached
        ? `Its events were not subscribed to within ${negotiate} ms, as where mergeMap(…, n) has n sessions already`
        : `No negotiation within ${negotiate} ms`;
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
