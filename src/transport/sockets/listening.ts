import { once } from 'node:events';
import type { ListenOptions, Server } from 'node:net';

import { type Rules, either, rule, whole } from '../../common/options.js';

/** How a server listens. `mode`, `owner` and `group` are about the file of a Unix socket and do nothing for TCP. */
export interface BindOptions {
  /** Permissions of the socket file; who may write to it may connect. Default `0o660`. */
  readonly mode?: number | undefined;
  /** The user of the socket file, by id or by name; needs root. Default: the user of this process. */
  readonly owner?: number | string | undefined;
  /** The group of the socket file, by id or by name, such as `'postfix'`. Default: that of this process. */
  readonly group?: number | string | undefined;
  /** How many connections the kernel holds ready before they are accepted. Default 511, as Node's. */
  readonly backlog?: number | undefined;
}

/** The highest id of a user or group: for the kernel the one above it means "leave it as it is". */
const LAST_ID = 0xfffffffe;

const NAME = rule(
  'a name',
  (value) => typeof value === 'string',
  (value) => value !== '',
);

export const BIND_RULES: Rules<BindOptions> = {
  mode: whole(0, 0o7777),
  owner: either(whole(0, LAST_ID), NAME),
  group: either(whole(0, LAST_ID), NAME),
  backlog: whole(1, 0x7fffffff),
};

/** `server.listen()` as a promise. The call is made at once: a Unix socket has its file when this returns. */
export async function listening(
  server: Server,
  options: ListenOptions | { readonly fd: number },
  backlog?: number,
): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  // Closed by its owner meanwhile: Node then says neither that it listens nor that it failed.
  const closed = once(server, 'close', { signal }).then(() => {
    throw new Error('the server was closed before it could listen');
  });
  const outcome = Promise.race([once(server, 'listening', { signal }), closed]);
  outcome.catch(() => undefined);
  try {
    // With a file descriptor Node takes the backlog as an argument only.
    server.listen(options, backlog);
    await outcome;
  } finally {
    settled.abort();
  }
}
