import { LONGEST_TIMER, type Rules, anything, milliseconds, whole } from '../common/options.js';
import { SESSION_RULES, type SessionOptions } from '../session/options.js';
import { BIND_RULES, type BindOptions } from '../transport/sockets/listening.js';
import type { CloseOptions } from './milter-server.js';

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
