import { anything, func, required, type Rules } from '../common/options.js';
import type { Outcome } from '../session/outcome.js';
import { LISTEN_RULES, type ListenOptions } from './listen-options.js';
import type { ListenInput } from './where-to-listen.js';

/** What `serve` can be told. */
export interface ServeOptions extends ListenOptions {
  /**
   * Where to listen: `inet:8891@127.0.0.1`, `inet6:8891@::1`, `unix:/run/filter.sock`, or `{ port, host }` or `{ path }`.
   * Port 0 lets the system choose one. Or a socket that is open already:
   * of `openSocket()`, or of `inheritedSockets()`.
   */
  readonly listen: ListenInput;
  /**
   * Gets what went wrong: failures of the filter, events that nobody answered, late replies, broken connections.
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
