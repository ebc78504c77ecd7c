import type { BindOptions } from '../transport/bind.js';
import type { SessionOptions } from '../session/options.js';

/** What can be set for a server; all of it has a default. */
export interface ListenOptions extends BindOptions, SessionOptions {
  /** How many connections to serve at once; more are turned away. Default: no limit. */
  readonly maxConnections?: number | undefined;
  /** How long messages in progress may take to finish when the server stops, in milliseconds. Default 30 000. */
  readonly drainTimeout?: number | undefined;
}

const DRAIN_TIMEOUT = 30_000;
/** More, and the second that comes on top, would not fit a timer: Node would fire it at once. */
const LONGEST = 0x7fffffff - 60_000;

/** The `drainTimeout` of these options; throws a `RangeError` where it is none. */
export function drainTimeoutOf({ drainTimeout = DRAIN_TIMEOUT }: ListenOptions): number {
  if (drainTimeout >= 0 && drainTimeout <= LONGEST) return drainTimeout;
  throw new RangeError(
    `drainTimeout: ${drainTimeout} is not a time. Use milliseconds from 0 and below 24 days.`,
  );
}
