import { lookup } from 'node:dns/promises';
import { type Server, isIP } from 'node:net';

import { errorCode } from '../../common/describe-error.js';
import { sentence } from '../../common/printable.js';
import { messageOf } from '../../common/text-of.js';
import { type Endpoint, formatEndpoint } from './endpoint.js';
import { type Fail, ListenError } from './errors.js';
import { type BindOptions, listening } from './listening.js';
import { bindUnix } from './unix-socket.js';

/**
 * Lets `server` listen on `endpoint`; rejects with a `ListenError` that says what to do, and leaves nothing behind
 * then. The file of a Unix socket appears with its mode and owner, in the place of one that no process listens on;
 * anything else is left alone. `server.close()` removes it, where it is still the one made here.
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

type Inet = Exclude<Endpoint, { family: 'unix' }>;

async function bindInet(server: Server, endpoint: Inet, options: BindOptions, fail: Fail): Promise<void> {
  const host = await addressOf(endpoint, fail);
  try {
    await listening(server, { port: endpoint.port, host, backlog: options.backlog });
  } catch (error) {
    return fail(explain(error, endpoint, host), error);
  }
}

/**
 * The address behind a name in the family asked for; Node would take whichever comes first, and the MTA the other.
 */
async function addressOf({ family, host }: Inet, fail: Fail): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host, { family: family === 'inet' ? 4 : 6 })).address;
  } catch (error) {
    if (errorCode(error) === 'EAI_AGAIN') {
      const advice = 'use an address to be independent of DNS';
      return fail(`the name "${host}" could not be looked up just now; ${advice}`, error);
    }
    const [version, other] = family === 'inet' ? ['IPv4', 'inet6:'] : ['IPv6', 'inet:'];
    return fail(
      `the name "${host}" has no ${version} address (${errorCode(error)}); correct it, use an address, or try "${other}"`,
      error,
    );
  }
}

function explain(error: unknown, { port }: Inet, host: string): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      // All addresses of the machine.
      if (/^[0:.]+$/.test(host))
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
