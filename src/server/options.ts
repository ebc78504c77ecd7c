import type { Observable } from 'rxjs';

import {
  LONGEST_TIMER,
  type Rules,
  anything,
  func,
  milliseconds,
  required,
  whole,
} from '../common/options.js';
import { SESSION_RULES, type SessionOptions } from '../session/options.js';
import type { Outcome } from '../session/outcome.js';
import { BIND_RULES, type BindOptions } from '../transport/sockets/bind.js';
import type { ListenInput } from './where-to-listen.js';

/** How a server is to stop. */
export interface CloseOptions {
  /**
   * For how long connections that are open go on as before, also with new messages, in milliseconds. For when another
   * process has taken over who connects: what these connections bring need not be deferred. Default 0.
   */
  readonly grace?: number | undefined;
}

/** A running server. */
export interface MilterServer extends AsyncDisposable {
  /** Where it listens, as `listen` would be written: `inet:8891@127.0.0.1`. */
  readonly address: string;
  /**
   * What became of each event that was answered, and what went wrong; completes when the server is closed. Hot; costs
   * nothing without a subscriber.
   *
   * A subscriber that throws, returns a promise that rejects, or gets an error of its own operators and takes none, is
   * told to `onError` and unsubscribed; nothing else notices. Subscribers are called while the answer is on its way: what
   * takes long in them makes all connections wait, so hand it to a timer or another thread.
   */
  readonly outcomes: Observable<Outcome>;
  /**
   * Stops: accepts no more connections, lets messages in progress finish, defers new ones with a 421, and resolves when
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

/** What can be set for a server; all of it has a default. */
export interface ListenOptions extends BindOptions, SessionOptions {
  /**
   * How many connections to serve at once; more are turned away, and told of in a warning of the process, at most once a
   * minute. Default: no limit.
   */
  readonly maxConnections?: number | undefined;
  /**
   * Who may connect by TCP: addresses and networks, such as `['127.0.0.1', '192.0.2.0/24', '2001:db8::/32']`. Others are
   * turned away before anything is read, and told of like those beyond `maxConnections`. An IPv4 peer of a socket for both
   * families (`inet6:…@::`) counts as IPv4; bits of a network beyond its length do not count. Default: everybody.
   */
  readonly allow?: readonly string[] | undefined;
  /** How long messages in progress may take to finish when the server stops, in milliseconds. Default 30 000. */
  readonly drainTimeout?: number | undefined;
}

/** A time to wait when a server stops: another minute on top of it still fits a timer. */
const stopTime = milliseconds(0, LONGEST_TIMER - 60_000);

/** What can be set for `listen()`; `serve()` has more. */
export const LISTEN_RULES: Rules<ListenOptions> = {
  ...BIND_RULES,
  ...SESSION_RULES,
  maxConnections: whole(0),
  // Its entries are looked at with the endpoint.
  allow: anything,
  drainTimeout: stopTime,
};

/** What can be set for `close()` of a server. */
export const CLOSE_RULES: Rules<CloseOptions> = { grace: stopTime };

/** The default of `drainTimeout`. */
export const DRAIN_TIMEOUT = 30_000;

/** What `serve` can be told. */
export interface ServeOptions extends ListenOptions {
  /**
   * Where to listen: `inet:8891@127.0.0.1`, `inet6:8891@::1`, `unix:/run/filter.sock`, or `{ port, host }` or `{ path }`.
   * Port 0 lets the system choose one. Or a socket that is open already:
   * of `openSocket()`, or of `inheritedSockets()`.
   */
  readonly listen: ListenInput;
  /**
   * Gets what went wrong: failures of the filter, unanswered events, late replies, broken connections.
   * An Observable of filters that errors concerns no connection, and is always a line on standard error.
   * Default: a line on standard error, in which control characters are shown as escapes.
   */
  readonly onError?: ((error: Error, outcome: Outcome) => void) | undefined;
}

/** What each of them has to be. */
export const SERVE_RULES: Rules<ServeOptions> = {
  ...LISTEN_RULES,
  listen: required(anything, "Say where to listen: serve(filter, { listen: 'inet:8891@127.0.0.1' })."),
  onError: func,
};
