import type { BindOptions } from '../transport/bind.js';
import type { SessionOptions } from '../session/options.js';

/** What can be set for a server; all of it has a default. */
export interface ListenOptions extends BindOptions, SessionOptions {
  /** How many connections to serve at once; more are turned away. Default: no limit. */
  readonly maxConnections?: number | undefined;
  /** How long messages in progress may take to finish when the server stops, in milliseconds. Default 30 000. */
  readonly drainTimeout?: number | undefined;
}

/** The default of `drainTimeout`. */
export const DRAIN_TIMEOUT = 30_000;
