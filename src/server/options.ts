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
import { type Outcome, type MessageOutcome } from '../session/outcome.js';
import { BIND_RULES, type BindOptions } from '../transport/sockets/listening.js';
import type { TlsInput } from './secured.js';
import type { ListenInput } from './where-to-listen.js';

/** How a server is to stop. */
export interface CloseOptions {
  /** For how long open connections go on as before, also with new messages, in milliseconds. Default 0. */
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
   * Subscribers are called while the answer is on its way: slow ones make all connections wait. One that fails is
   * reported to `onError` and unsubscribed.
   */
  readonly outcomes: Observable<Outcome>;
  /**
   * Each message that is over, however it ended: accepted, refused at a stage, deferred, aborted, lost. Hot; completes
   * when the server is closed.
   *
   * @remarks
   * For connections that begin while there is a subscriber, the envelope and the end of messages are asked for, without
   * the MTA having to wait. A subscriber is called while the answer is on its way, and one that fails is dropped, as with
   * `outcomes`.
   *
   * @example server.messages.subscribe(({ queueId, sender, result, text }) => console.log(queueId, sender, result, text));
   */
  readonly messages: Observable<MessageOutcome>;
  /**
   * Stops: accepts no more connections, lets messages in progress finish, defers new ones with a 421, and resolves
   * when all connections are over, after `grace` + `drainTimeout` and a second at the latest. A second call ends a
   * longer grace. Rejects with a `RangeError` where `grace` is no time; then nothing happens.
   */
  close(options?: CloseOptions): Promise<void>;
  /** Ends everything at once. The MTA does with messages in progress what it does without a filter. */
  destroy(): void;
}

/** What can be set for a server; all of it has a default. */
export interface ListenOptions extends BindOptions, SessionOptions {
  /**
   * How many connections to serve at once; more are refused, with a warning at most once a minute. Default: no limit.
   */
  readonly maxConnections?: number | undefined;
  /** Who may connect by TCP: addresses and networks, such as `['127.0.0.1', '2001:db8::/32']`. Default: all. */
  readonly peers?: readonly string[] | undefined;
  /**
   * TLS for all connections: what `tls.createServer()` takes (`key`, `cert` …), or an Observable of that, such as
   * `reloaded()` makes; each new connection gets the newest. With `ca` peers need a certificate of it.
   */
  readonly tls?: TlsInput | undefined;
  /** How long messages in progress may take when the server stops, in milliseconds. Default 30 000. */
  readonly drainTimeout?: number | undefined;
}

/** A time to wait when a server stops: with another minute it still fits a timer. */
const stopTime = milliseconds(0, LONGEST_TIMER - 60_000);

export const LISTEN_RULES: Rules<ListenOptions> = {
  ...BIND_RULES,
  ...SESSION_RULES,
  maxConnections: whole(0),
  // Checked with the endpoint.
  peers: anything,
  tls: anything,
  drainTimeout: stopTime,
};

export const CLOSE_RULES: Rules<CloseOptions> = { grace: stopTime };

export const DRAIN_TIMEOUT = 30_000;

/** What can be set for `serve()`. */
export interface ServeOptions extends ListenOptions {
  /** Where to listen: `inet:8891@127.0.0.1`, `unix:/run/filter.sock`, `{ port, host }`, or a socket that is open. */
  readonly listen: ListenInput;
  /** Gets what went wrong: failures, unanswered events, broken connections. Default: a line on standard error. */
  readonly onError?: ((error: Error, outcome: Outcome) => void) | undefined;
}

export const SERVE_RULES: Rules<ServeOptions> = {
  ...LISTEN_RULES,
  listen: required(anything, "Say where to listen: serve(filter, { listen: 'inet:8891@127.0.0.1' })."),
  onError: func,
};
