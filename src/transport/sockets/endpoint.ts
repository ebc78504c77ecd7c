import { isIPv4, isIPv6 } from 'node:net';
import { inspect } from 'node:util';

import { didYouMean } from '../../common/options.js';
import { excerpt, sentence } from '../../common/printable.js';
import { EndpointError, type Fail } from './errors.js';

/**
 * The place where an MTA and a filter meet: a TCP port over IPv4 or IPv6, or a Unix domain socket.
 *
 * `host` is an address without brackets, or a name that is looked up in that family only. `path` is absolute.
 */
export type Endpoint =
  | { readonly family: 'inet' | 'inet6'; readonly host: string; readonly port: number }
  | { readonly family: 'unix'; readonly path: string };

/** An endpoint in one of the usual spellings, or as an object with a port or a path. */
export type EndpointInput =
  | string
  | { readonly port: number; readonly host?: string | undefined }
  | { readonly path: string }
  | Endpoint;

/**
 * Writes an endpoint as text, as libmilter's `smfi_setconn` takes it; `parseEndpoint` reads it back.
 *
 * @example formatEndpoint({ family: 'inet6', host: '::1', port: 8891 }); // 'inet6:8891@::1'
 */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.family === 'unix'
    ? `unix:${endpoint.path}`
    : `${endpoint.family}:${endpoint.port}@${endpoint.host}`;
}

/** A guess at the endpoint that a text means, as the end of an error message. */
export function suggestEndpoint(text: string): string | undefined {
  const [, behind] = /^[sp]=(.+)$/i.exec(text) ?? [];
  if (behind !== undefined) return `leave out what stands before "=": did you mean "${behind}"?`;

  const [, url, rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (url !== undefined) {
    const [, host, port] = /^(?:[^@/]*@)?(\[[^\]]*\]|[^:/]*):(\d+)\/?$/.exec(rest) ?? [];
    const file = rest.startsWith('/') ? `unix:${rest}` : undefined;
    const meant = host !== undefined && port !== undefined ? inet(port, host) : file;
    if (meant !== undefined) return `a milter is not reached by a URL: did you mean "${meant}"?`;
    return `a milter is not reached by a URL (${url}); write "inet:port@host" or "unix:/absolute/path"`;
  }

  const [, scheme, place = ''] = /^(tcp|tcp4|ipv4|inet4|tcp6|ipv6):(.*)$/i.exec(text) ?? [];
  if (scheme !== undefined) {
    return `"${scheme}:" is not known here: did you mean "${scheme.endsWith('6') ? 'inet6' : 'inet'}:${place}"?`;
  }
  const [, file] = /^(?:file|socket|pipe|fifo):(\/.*)$/i.exec(text) ?? [];
  if (file !== undefined) return `did you mean "unix:${file}"?`;

  if (/^\d+(@.+)?$/.test(text)) return `there is no family: did you mean "inet:${text}"?`;
  const [, host, port] = /^(\[[^\]]*\]|[^:/@]*):(\d+)$/.exec(text) ?? [];
  if (host !== undefined && port !== undefined)
    return `there is no family: did you mean "${inet(port, host)}"?`;
  if (text.includes(':') || !text.includes('/')) return undefined;
  return `a path has to be absolute: write "unix:/absolute/path". What Postfix calls "unix:${text}" is below its queue directory: "${belowQueue(text)}"`;
}

/** `queue_directory` of Postfix, as it is nearly everywhere. */
function belowQueue(path: string): string {
  return `unix:/var/spool/postfix/${path.replace(/^(\.{0,2}\/)+/, '')}`;
}

function inet(port: string, host: string): string {
  if (host === '') return `inet:${port}`;
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return `${address.includes(':') ? 'inet6' : 'inet'}:${port}@${address}`;
}

// sun_path in sockaddr_un, without the closing NUL: 108 bytes on Linux, 104 on the BSDs and macOS.
export const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/**
 * A Unix domain socket as an endpoint. Its length is checked since Node binds a longer path cut off, without an
 * error.
 */
function unixEndpoint(path: string, fail: Fail): Endpoint {
  if (path === '')
    return fail('the path is missing; write unix: and an absolute path, such as "unix:/run/filter.sock"');
  if (path.includes('\0')) return fail('the path contains a NUL; abstract sockets are not supported');
  if (path.trimEnd() !== path) return fail('the path ends in white space; remove it');
  if (!path.startsWith('/')) {
    return fail(
      `the path "${path}" is relative, and only an absolute one is the same file for everybody. ` +
        `In Postfix's smtpd_milters a relative path is below its queue directory; here that is "${belowQueue(path)}"`,
    );
  }
  if (path.endsWith('/')) return fail('the path is that of a directory; add the name of the socket file');
  const length = Buffer.byteLength(path);
  if (length > LONGEST_PATH) {
    return fail(
      `the path is ${length} bytes long, and a socket's path can have ${LONGEST_PATH}; use a shorter directory`,
    );
  }
  return { family: 'unix', path };
}

type Family = 'inet' | 'inet6';

const LOOPBACK = { inet: '127.0.0.1', inet6: '::1' } as const;
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** A TCP port as an endpoint, from what stands behind `inet:` or `inet6:`: `port`, `port@host` or `host:port`. */
function inetEndpoint(family: Family, text: string, fail: Fail): Endpoint {
  const [host, port] = split(family, text, fail);
  const number = parsePort(port, family, host, fail);
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  if (isIPv6(bare)) return { family: 'inet6', host: bare, port: number };
  if (isIPv4(bare) && bare === host) {
    if (family === 'inet') return { family, host, port: number };
    return fail(`${host} is an IPv4 address; did you mean "inet:${port}@${host}"?`);
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

const FIELDS = ['family', 'host', 'port', 'path'];
const FORMS = 'write "inet:port@host", "inet6:port@host" or "unix:/absolute/path"';

/**
 * Reads an endpoint in any of its usual spellings; nothing is opened or looked up.
 *
 * @remarks
 * - `inet:8891@127.0.0.1`, `inet6:8891@::1`, `unix:/path`, `local:/path`: libmilter's and Sendmail's
 * - `inet:127.0.0.1:8891`, `inet:[::1]:8891`: Postfix's
 * - `inet:8891`, `inet6:8891`: on the loopback address, where libmilter would take every interface: the protocol has
 *   no authentication
 * - `inet:8891@0.0.0.0` on every interface over IPv4, `inet6:8891@::` over both families
 * - `/path`, `{ path }`, `{ port, host? }`, and an `Endpoint` itself
 *
 * An IPv6 address under `inet` is an `inet6` endpoint, as Postfix writes it. A name is an `inet` endpoint unless it
 * stands behind `inet6:`.
 *
 * @throws EndpointError with the mistake and, where it can be guessed, the likely intention
 * @example
 * parseEndpoint('inet:8891@127.0.0.1'); // { family: 'inet', host: '127.0.0.1', port: 8891 }
 * parseEndpoint({ path: '/run/filter.sock' }); // { family: 'unix', path: '/run/filter.sock' }
 */
export function parseEndpoint(input: EndpointInput): Endpoint {
  // A caller in plain JavaScript, or a setting that was not there, gets the same care as a typed one.
  const given: unknown = input;
  const fail = (problem: string): never => {
    const shown = excerpt(inspect(given, { breakLength: Infinity }), 300);
    throw new EndpointError(`Cannot use ${shown} as an endpoint: ${sentence(problem)}`, given);
  };
  if (typeof given === 'string') return parseText(given, fail);
  if (typeof given === 'number')
    return fail(`a port alone is not enough: did you mean "inet:${String(given)}"?`);
  if (typeof given !== 'object' || given === null) {
    return fail(`a string or an object is needed; ${FORMS}, or { port, host } or { path }`);
  }
  return parseObject(given, fail);
}

function parseText(text: string, fail: Fail): Endpoint {
  if (text.trim() === '') return fail(`it is empty; ${FORMS}`);
  if (text.trim() !== text) return fail('there is white space around it; remove it');
  if (text.startsWith('/')) return unixEndpoint(text, fail);
  const [, scheme = '', rest = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  const family = scheme.toLowerCase();
  if (family === 'inet' || family === 'inet6') return inetEndpoint(family, rest, fail);
  if (family === 'unix' || family === 'local') return unixEndpoint(rest, fail);
  return fail(suggestEndpoint(text) ?? FORMS);
}

function parseObject(given: object, fail: Fail): Endpoint {
  const strange = Object.keys(given).find((name) => !FIELDS.includes(name));
  if (strange !== undefined) {
    const meant = didYouMean(strange, FIELDS);
    const advice = meant === undefined ? 'give { port, host } or { path }' : `did you mean ${meant}?`;
    return fail(`there is no field ${excerpt(strange, 60)}; ${advice}`);
  }
  const { family, host, port, path } = given as Partial<Record<string, unknown>>;
  if (port !== undefined && path !== undefined) return fail('it has a port and a path; give one of them');
  if (path !== undefined) {
    if (typeof path !== 'string') return fail('the path is not a string');
    if (host !== undefined) return fail('a host does not go with a path; leave the host out, or give a port');
    return unixEndpoint(path, fail);
  }
  if (port === undefined) return fail('it has neither a port nor a path; give { port, host } or { path }');
  if (typeof port !== 'number') return fail(`the port ${inspect(port)} is not a number`);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    return fail(`the port ${port} is out of range; use 1 to 65535, or 0 for any free port`);
  }
  if (host !== undefined && typeof host !== 'string') return fail('the host is not a string');
  if (family !== undefined && family !== 'inet' && family !== 'inet6') {
    const advice = "leave it out, or say 'inet' or 'inet6'";
    return fail(`the family ${inspect(family)} does not go with a port; ${advice}`);
  }
  return inetEndpoint(family ?? 'inet', host === undefined ? String(port) : `${port}@${host}`, fail);
}
