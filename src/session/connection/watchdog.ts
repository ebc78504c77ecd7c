import type { ResolvedOptions } from '../options.js';

export interface Waiting {
  readonly negotiating: boolean;
  /** Its events have no subscriber. */
  readonly detached: boolean;
  /** The MTA does not take what was written. */
  readonly blocked: boolean;
  /** Where the frame began that has not ended. */
  readonly midFrame: number | undefined;
  readonly pending: boolean;
}

/** The timeouts of a connection, but for those of a turn. */
export class Watchdog {
  readonly #timeouts: ResolvedOptions['timeouts'];
  /** Milliseconds without bytes from the MTA. */
  #silent = 0;
  /** Milliseconds in a state that should not last. */
  #stuck = 0;
  #frame: number | undefined;
  #ended = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(timeouts: ResolvedOptions['timeouts']) {
    this.#timeouts = timeouts;
  }

  onData(): void {
    this.#silent = 0;
  }

  onDrain(): void {
    this.#stuck = 0;
  }

  /** Time passes after the end; whether the MTA has kept its side open for too long. */
  expiredAfterEnd(elapsed: number): boolean {
    this.#ended += elapsed;
    return this.#ended > this.#timeouts.frame;
  }

  expired(elapsed: number, waiting: Waiting): string | undefined {
    const { negotiate, frame, idle } = this.#timeouts;
    this.#silent += elapsed;
    // A frame that was not there the last time is another one, and its time begins.
    const sameFrame = waiting.midFrame !== undefined && waiting.midFrame === this.#frame;
    this.#frame = waiting.midFrame;
    this.#stuck = waiting.negotiating || waiting.blocked || sameFrame ? this.#stuck + elapsed : 0;
    if (waiting.negotiating) {
      if (this.#stuck <= negotiate) return undefined;
      return waiting.detached
        ? `Its events were not subscribed to within ${negotiate} ms, as where mergeMap(…, n) has n sessions already`
        : `No negotiation within ${negotiate} ms`;
    }
    if (this.#stuck > frame) {
      return waiting.blocked
        ? `The MTA did not take its reply within ${frame} ms`
        : `The MTA began a frame and did not end it within ${frame} ms`;
    }
    return this.#silent > idle && !waiting.pending ? `The MTA was silent for ${idle} ms` : undefined;
  }

  /** Calls `end` once the connection was quiet for `timeouts.linger`; starts anew at each call. */
  linger(end: () => void): void {
    clearTimeout(this.#linger);
    this.#linger = setTimeout(end, this.#timeouts.linger);
  }

  stop(): void {
    clearTimeout(this.#linger);
  }
}
