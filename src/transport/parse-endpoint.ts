import { inspect } from 'node:util';

import { didYouMean } from '../common/did-you-mean.js';
import { excerpt } from '../common/printable.js';
import { sentence } from '../common/sentence.js';
import { EndpointError } from './endpoint-error.js';
import type { Endpoint, EndpointInput } from './endpoint.js';
import { inetEndpoint } from './inet-endpoint.js';
import { suggestEndpoint } from './suggest-endpoint.js';
import { unixEndpoint } from './unix-endpoint.js';

const FIELDS = ['family', 'host', 'port', 'path'];
const FORMS = 'write "inet:port@host", "inet6:port@host" or "unix:/absolute/path"';

/**
 * Reads an endpoint in any of its usual spellings. Throws an `EndpointError` that names the mistake and, where there is one, the
 * likely intention; nothing is opened or looked up.
 *
 * - `inet:8891@127.0.0.1`, `inet6:8891@::1` (brackets allowed), `unix:/path`, `local:/path`: as libmilter's `smfi_setconn` and
 *   Sendmail's `INPUT_MAIL_FILTER` write it
 * - `inet:127.0.0.1:8891`, `inet:[::1]:8891`: as Postfix's `smtpd_milters` writes it
 * - `inet:8891`, `inet6:8891`: on the loopback address. libmilter would take every interface, but the milter protocol has no
 *   authentication, so that has to be asked for: `inet:8891@0.0.0.0`
 * - `inet6:8891@::`: on every interface, over IPv4, too, whatever the default of the system is; `inet:8891@0.0.0.0` has IPv4 only
 * - `/path`, `{ path }`, `{ port, host? }`, and an `Endpoint` itself
 *
 * An IPv6 address under `inet` is an `inet6` endpoint, because Postfix says `inet:` for both families. An IPv4 address under
 * `inet6`, which nobody writes on purpose, is an error. A name is an `inet` endpoint unless `inet6:` is said.
 *
 * @example
 * parseEndpoint('inet:8891@127.0.0.1'); // { family: 'inet', host: '127.0.0.1', port: 8891 }
 * parseEndpoint({ path: '/run/filter.sock' }); // { family: 'unix', path: '/run/filter.sock' }
 */
export function parseEndpoint(input: EndpointInput): Endpoint {
  // A caller in plain JavaScript, or a setting that was not there, gets the same care as a typed one.
  const given: unknown = input;
  const fail = (problem: string): never => {
    throw new EndpointError(`Cannot use ${quoted(given)} as an endpoint: ${sentence(problem)}`, given);
  };
  if (typeof given === 'string') return parseText(given, fail);
  if (typeof given === 'number')
    return fail(`a port alone is not enough: did you mean "inet:${String(given)}"?`);
  if (typeof given !== 'object' || given === null) {
    return fail(`a string or an object is needed; ${FORMS}, or { port, host } or { path }`);
  }
  return parseObject(given, fail);
}

/** In one line; a string in quotation marks, whole as far as anybody writes one. */
function quoted(given: unknown): string {
  return excerpt(inspect(given, { breakLength: Infinity }), 300);
}

function parseText(text: string, fail: (problem: string) => never): Endpoint {
  if (text.trim() === '') return fail(`it is empty; ${FORMS}`);
  if (text.trim() !== text) return fail('there is white space around it; remove it');
  if (text.startsWith('/')) return unixEndpoint(text, fail);
  const colon = text.indexOf(':');
  const scheme = text.slice(0, colon).toLowerCase();
  const rest = text.slice(colon + 1);
  if (colon > 0) {
    if (scheme === 'inet' || scheme === 'inet6') return inetEndpoint(scheme, rest, fail);
    if (scheme === 'unix' || scheme === 'local') return unixEndpoint(rest, fail);
  }
  const suggestion = suggestEndpoint(text);
  return fail(suggestion ?? FORMS);
}

function parseObject(given: object, fail: (problem: string) => never): Endpoint {
  const strange = Object.keys(given).find((name) => !FIELDS.includes(name));
  if (strange !== undefined) {
    const meant = didYouMean(strange, FIELDS);
    return fail(
      `there is no field ${excerpt(strange, 60)}; ${meant === undefined ? 'give { port, host } or { path }' : `did you mean ${meant}?`}`,
    );
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
    return fail(
      `the family ${inspect(family)} does not go with a port; leave it out, or say 'inet' or 'inet6'`,
    );
  }
  return inetEndpoint(family ?? 'inet', host === undefined ? String(port) : `${String(port)}@${host}`, fail);
}
