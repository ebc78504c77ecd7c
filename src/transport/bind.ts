import type { Server } from 'node:net';

import { whole, type Rules } from '../common/options.js';
import { sentence } from '../common/sentence.js';
import { bindInet } from './bind-inet.js';
import { bindUnix } from './bind-unix.js';
import type { Endpoint } from './endpoint.js';
import { formatEndpoint } from './format-endpoint.js';
import { ListenError } from './listen-error.js';

/** The highest id of a user or group; the one above it means none. */
const MOST_ID = 0xfffffffe;

/** How `bindServer` listens. `mode`, `owner` and `group` are about the file of a Unix socket and do nothing for TCP. */
export interface BindOptions {
  /** Permissions of the socket file; whoever may write to it may connect. Default `0o660`. */
  readonly mode?: number | undefined;
  /** Numeric user id that the socket file is given to; needs root. Default: the user of this process. */
  readonly owner?: number | undefined;
  /** Numeric group id that the socket file is given to, for example that of `postfix`. Default: the group of this process. */
  readonly group?: number | undefined;
  /** How many connections the kernel holds ready before they are accepted. Default: Node's, 511. */
  readonly backlog?: number | undefined;
}

/** What each of them has to be. */
export const BIND_RULES: Rules<BindOptions> = {
  mode: whole(0, 0o7777),
  owner: whole(0, MOST_ID),
  group: whole(0, MOST_ID),
  backlog: whole(1, 0x7fffffff),
};

/**
 * Lets `server` listen on `endpoint`; resolves when it does, rejects with a `ListenError` that says what to do.
 *
 * After a rejection the server does not listen and no socket file is left behind. The file of a socket appears with its mode and
 * owner, and can be connected to from then on; users who may write to the directory cannot have another file given away instead.
 * A socket file that no process listens on any more (left by one that was killed) is replaced in the same step; one that is in
 * use, and anything that is not a socket, is left alone. The file is removed at the moment of `server.close()`, unless it is no
 * longer the one that was made here, or the process may not do that any more. Node removes no file when the process exits
 * without closing the server; the next start then finds it and replaces it.
 *
 * @example
 * const server = createServer(accept);
 * await bindServer(server, parseEndpoint('unix:/run/filter/filter.sock'), { group: 115 });
 */
export async function bindServer(
  server: Server,
  endpoint: Endpoint,
  options: BindOptions = {},
): Promise<void> {
  const fail = (problem: string, cause?: unknown): never => {
    const text = formatEndpoint(endpoint);
    throw new ListenError(`Cannot listen on ${text}: ${sentence(problem)}`, text, cause);
  };
  if (server.listening) return fail('this server is already listening; make a new one, or close it first');
  if (endpoint.family === 'unix') return bindUnix(server, endpoint.path, options, fail);
  return bindInet(server, endpoint, options, fail);
}
