import { isIPv4, isIPv6 } from 'node:net';

import type { ConnectFields } from '../transport/wire/layouts.js';
import { UsageError } from './usage-error.js';

/**
 * Reads an SMTP client: `[name] address[:port]`, an IPv6 address with a port in brackets, or `unknown`. Without a name
 * it is the address in brackets, as mail servers write it.
 *
 * @throws UsageError where there is no address
 * @example parseClient('mail.example.com 192.0.2.7:2525');
 */
export function parseClient(text: string): Partial<ConnectFields> {
  const words = text.trim().split(/\s+/);
  const last = words.pop() ?? '';
  const [name, ...more] = words;
  if (last === 'unknown' && more.length === 0) {
    return { host: name ?? 'unknown', family: 'unknown', address: '', port: 0 };
  }
  const [, six, four, port = ''] = /^(?:\[(?:IPv6:)?([^\]]+)\]|([\d.]+))(?::(\d+))?$/i.exec(last) ?? [];
  const address = six ?? four ?? last.replace(/^IPv6:/i, '');
  const number = port === '' ? 40_000 : Number(port);
  if (more.length > 0 || !(isIPv4(address) || isIPv6(address)) || number > 65_535) {
    throw new UsageError(
      `--client ${JSON.stringify(text)} is no client. Write '[name] address[:port]', as in --client 'mail.example.com 192.0.2.7:2525' or --client '[2001:db8::7]:2525'.`,
    );
  }
  return {
    host: name ?? `[${address}]`,
    family: isIPv4(address) ? 'inet' : 'inet6',
    address,
    port: number,
  };
}
