import { lookup } from 'node:dns/promises';
import { isIP, type Server } from 'node:net';

import { errorCode } from '../common/error-code.js';
import { messageOf } from '../common/text-of.js';
import type { BindOptions } from './bind.js';
import type { Endpoint } from './endpoint.js';
import { listening } from './listening.js';

type Inet = Exclude<Endpoint, { family: 'unix' }>;
type Fail = (problem: string, cause?: unknown) => never;

/** Listens on a TCP port; `fail` is called with what went wrong. */
export async function bindInet(
  server: Server,
  endpoint: Inet,
  options: BindOptions,
  fail: Fail,
): Promise<void> {
  const { port } = endpoint;
  const { backlog } = options;
  const host = await addressOf(endpoint, fail);
  try {
    await listening(server, { port, host, ...(backlog === undefined ? {} : { backlog }) });
  } catch (error) {
    return fail(explain(error, endpoint, host), error);
  }
}

/**
 * The address behind a name, in the family that was asked for. Left to itself, Node would listen on whichever address comes
 * first: `localhost` is 127.0.0.1 on one machine and ::1 on the next, and the MTA then connects to the other.
 */
async function addressOf({ family, host }: Inet, fail: Fail): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host, { family: family === 'inet' ? 4 : 6 })).address;
  } catch (error) {
    if (errorCode(error) === 'EAI_AGAIN') {
      return fail(
        `the name "${host}" could not be looked up just now; use an address to be independent of DNS`,
        error,
      );
    }
    const [version, other] = family === 'inet' ? ['IPv4', 'inet6:'] : ['IPv6', 'inet:'];
    return fail(
      `the name "${host}" has no ${version} address (${errorCode(error)}); correct it, use an address, or try "${other}"`,
      error,
    );
  }
}

/** Whether it is the address that stands for all of the machine's. */
function isAny(host: string): boolean {
  return /^[0:.]+$/.test(host);
}

function explain(error: unknown, { port }: Inet, host: string): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      if (isAny(host))
        return `the port is already in use, on one of the addresses; "inet6:${port}@::" takes IPv4, too, so that "inet:${port}@0.0.0.0" cannot be beside it. "ss -ltnp sport = :${port}" shows what listens`;
      return `the port is already in use; stop the other program ("ss -ltnp sport = :${port}" shows it) or take another port`;
    case 'EACCES':
      return `no permission to listen on port ${port}; ports below 1024 need root or CAP_NET_BIND_SERVICE, take a higher one`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; use one of its own, or 127.0.0.1 for an MTA on the same machine`;
    case 'EAFNOSUPPORT':
      return `this machine does not speak the family of ${host}; use the other one`;
    default:
      return messageOf(error);
  }
}
