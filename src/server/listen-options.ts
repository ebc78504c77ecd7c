import { LONGEST_TIMER, milliseconds, whole, type Rules } from '../common/options.js';
import { SESSION_RULES } from '../session/option-rules.js';
import { BIND_RULES, type BindOptions } from '../transport/bind.js';
import type { SessionOptions } from '../session/options.js';
import type { CloseOptions } from './milter-server.js';

/** What can be set for a server; all of it has a default. */
export interface ListenOptions extends BindOptions, SessionOptions {
  /** How many connections to serve at once; more are turned away. Default: no limit. */
  readonly maxConnections?: number | undefined;
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
  drainTimeout: stopTime,
};

/** What can be set for `close()` of a server. */
export const CLOSE_RULES: Rules<CloseOptions> = { grace: stopTime };

/** The default of `drainTimeout`. */
export const DRAIN_TIMEOUT = 30_000;
