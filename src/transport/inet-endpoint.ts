import { isIPv4, isIPv6 } from 'node:net';

import type { Endpoint } from './endpoint.js';

type Family = 'inet' | 'inet6';
type Fail = (problem: string) => never;

const LOOPBACK = { inet: '127.0.0.1', inet6: '::1' } as const;
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/**
 * A TCP port as an endpoint, from what stands behind `inet:` or `inet6:`: `port`, `port@host` or `host:port`; `fail` is called
 * with what is wrong.
 */
export function inetEndpoint(family: Family, text: string, fail: Fail): Endpoint {
  const [host, port] = split(family, text, fail);
  const number = parsePort(port, family, host, fail);
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  if (isIPv6(bare)) return { family: 'inet6', host: bare, port: number };
  if (isIPv4(bare) && bare === host) {
    if (family === 'inet6') {
      return fail(`${host} is an IPv4 address; did you mean "inet:${port}@${host}"?`);
    }
    return { family, host, port: number };
  }
  if (host === '')
    return fail(`the host after "@" is missing; write "${family}:${port}@${LOOPBACK[family]}"`);
  if (bare.includes(':')) return fail(`the host "${host}" is not a valid IPv6 address`);
  if (/^[\d.]+$/.test(host)) return fail(`the host "${host}" is not a valid IPv4 address`);
  if (!NAME.test(host)) return fail(`the host "${host}" is neither an IP address nor a host name`);
  return { family, host, port: number };
}

/** Host and port, in whichever order they are written. */
function split(family: Family, text: string, fail: Fail): readonly [host: string, port: string] {
  const at = text.indexOf('@');
  if (at >= 0) return [text.slice(at + 1), text.slice(0, at)];
  // Postfix's spelling. The last colon of a bare IPv6 address may or may not stand before a port, so that needs brackets.
  const colon = text.endsWith(']') ? -1 : text.lastIndexOf(':');
  if (colon < 0) return [LOOPBACK[family], text];
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  if (host.includes(':') && !host.startsWith('[')) {
    return fail(
      isIPv6(text)
        ? `there is no port; write "inet6:port@${text}"`
        : `an IPv6 address needs brackets before a port: write "inet6:[address]:port" or "inet6:port@address"`,
    );
  }
  if (host === '') return fail(`the host before ":" is missing; did you mean "${family}:${port}"?`);
  if (/^\d+$/.test(host) && !/^\d+$/.test(port) && port !== '') {
    return fail(`port and host are swapped; did you mean "${family}:${host}@${port}"?`);
  }
  return [host, port];
}

function parsePort(port: string, family: Family, host: string, fail: Fail): number {
  if (port === '')
    return fail(`the port is missing; write "${family}:8891@${host}" with the port that the MTA connects to`);
  if (/^\d+$/.test(port)) {
    const number = Number(port);
    if (number <= 65535) return number;
    return fail(`the port ${port} is out of range; use 1 to 65535, or 0 for any free port`);
  }
  if (/^\d+$/.test(host)) return fail(`port and host are swapped; did you mean "${family}:${host}@${port}"?`);
  const address = port.replace(/^\[(.*)\]$/, '$1');
  if (isIPv6(address) || address.includes('.') || address === 'localhost') {
    return fail(`there is no port; write "${isIPv6(address) ? 'inet6' : 'inet'}:port@${address}"`);
  }
  return fail(`the port "${port}" is not a number; names of services are not looked up, use 1 to 65535`);
}
