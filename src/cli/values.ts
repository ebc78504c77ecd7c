import { isIPv4, isIPv6 } from 'node:net';

import { LONGEST_TIMER } from '../common/options.js';
import type { MtaMacros } from '../mta/client/macros.js';
import type { Path } from '../mta/simulate/mail.js';
import { wireName } from '../session/negotiation/terms.js';
import type { ConnectFields } from '../transport/wire/layouts.js';
import { UsageError } from './command.js';

/** Reads the address of an option, with or without angle brackets, and its ESMTP arguments after blanks. */
export function parsePath(option: string, text: string): Path {
  const [, path = '', rest = ''] = /^\s*(<[^>]*>|(?:"(?:\\.|[^"\\])*"|[^\s"])*)(.*)$/s.exec(text) ?? [];
  const args = rest.split(/\s+/).filter((word) => word !== '');
  const bad = args.find((word) => !/^[A-Za-z\d][A-Za-z\d-]*(?:=[!-~]*)?$/.test(word));
  if (bad !== undefined || /[\0-\x1f\x7f]/.test(path)) {
    throw new UsageError(
      `${option} ${JSON.stringify(text)}: ${JSON.stringify(bad ?? path)} is no ESMTP argument. Write an address and then arguments, as in ${option} 'bob@example.org NOTIFY=NEVER'.`,
    );
  }
  return { address: path.replace(/^<(.*)>$/s, '$1'), args };
}

/**
 * Reads an SMTP client: `[name] address[:port]`, an IPv6 address with a port in brackets, or `unknown`. Without a name
 * it is the address in brackets, as mail servers write it.
 */
export function parseClient(text: string): Partial<ConnectFields> {
  const words = text.trim().split(/\s+/);
  const last = words.pop() ?? '';
  const [name, ...more] = words;
  if (last === 'unknown' && more.length === 0) {
    return { host: name ?? 'unknown', family: 'unknown', address: '', port: 0 };
  }
  const [, six, four, port = '40000'] = /^(?:\[(?:IPv6:)?([^\]]+)\]|([\d.]+))(?::(\d+))?$/i.exec(last) ?? [];
  const address = six ?? four ?? last.replace(/^IPv6:/i, '');
  if (more.length > 0 || !(isIPv4(address) || isIPv6(address)) || Number(port) > 65_535) {
    throw new UsageError(
      `--client ${JSON.stringify(text)} is no client. Write '[name] address[:port]', as in --client 'mail.example.com 192.0.2.7:2525' or --client '[2001:db8::7]:2525'.`,
    );
  }
  const family = isIPv4(address) ? 'inet' : 'inet6';
  return { host: name ?? `[${address}]`, family, address, port: Number(port) };
}

/** Reads macros of the form `name=value`. Names of more than a letter get the braces that they have on the wire. */
export function parseMacros(texts: readonly string[]): MtaMacros {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name = '', value] = /^\{?([^\s{}=]+)\}?=([^\0]*)$/.exec(text) ?? [];
      if (value === undefined) {
        throw new UsageError(
          `--macro ${JSON.stringify(text)} is no macro. Write name=value, as in --macro auth_authen=bob.`,
        );
      }
      return [wireName(name), value];
    }),
  );
}

/** Reads a number of seconds; in milliseconds. */
export function parseSeconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Number(text) * 1000;
  if (!(ms > 0 && ms <= LONGEST_TIMER)) {
    throw new UsageError(`${option} ${text} is not a time. Use seconds, as in ${option} 10.`);
  }
  return ms;
}
