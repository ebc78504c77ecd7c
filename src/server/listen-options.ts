import type { BindOptions } from '../transport/bind.js';
import type { SessionOptions } from '../session/options.js';
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

const DRAIN_TIMEOUT = 30_000;
/** More, and the second that comes on top, would not fit a timer: Node would fire it at once. */
const LONGEST = 0x7fffffff - 60_000;

/** The `drainTimeout` of these options; throws a `RangeError` where it is none. */
export function drainTimeoutOf({ drainTimeout = DRAIN_TIMEOUT }: ListenOptions): number {
  return timeOf('drainTimeout', drainTimeout);
}

/** The `grace` of these options; throws a `RangeError` where it is none. */
export function graceOf({ grace = 0 }: CloseOptions): number {
  return timeOf('grace', grace);
}

function timeOf(name: string, time: number): number {
  if (time >= 0 && time <= LONGEST) return time;
  throw new RangeError(`${name}: ${time} is not a time. Use milliseconds from 0 and below 24 days.`);
}
