import type { Observable } from 'rxjs';

import type { Outcome } from '../session/outcome.js';

/** How a server is to stop. */
export interface CloseOptions {
  /**
   * For how long connections that are open go on as before, also with new messages, in milliseconds. For when another
   * process has taken over who connects: what these connections bring need not be put off. Default 0.
   */
  readonly grace?: number | undefined;
}

/** A running server. */
export interface MilterServer extends AsyncDisposable {
  /** Where it listens, as `listen` would be written: `inet:8891@127.0.0.1`. */
  readonly address: string;
  /**
   * What became of each event that was answered, and what went wrong; completes when the server is closed. Hot; costs
   * nothing while nobody subscribes.
   *
   * A subscriber that throws, returns a promise that rejects, or gets an error of its own operators and takes none, is
   * told to `onError` and unsubscribed; nothing else notices. Subscribers are called while the answer is on its way: what
   * takes long in them makes all connections wait, so hand it to a timer or another thread.
   */
  readonly outcomes: Observable<Outcome>;
  /**
   * Stops: accepts nobody any more, lets messages in progress finish, puts new ones off with a 421, and resolves when
   * all connections are over: after `drainTimeout` at the latest, and a second for an MTA that does not take its bytes.
   * With a `grace`, connections that are open have that time before. Calling it again waits for the same end, and ends
   * a longer grace.
   *
   * Rejects with a `RangeError` where `grace` is no time; then nothing happens.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends everything at once. The MTA does with messages in progress what it is configured to do without a filter. */
  destroy(): void;
}
