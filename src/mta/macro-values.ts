import type { ConnectFields } from '../transport/layouts/connect.js';
import type { Macros } from './macro-lists.js';

/** The macros of a session, as Postfix fills them. */
export function sessionMacros(hostname: string, client: ConnectFields): Macros {
  const address = client.family === 'inet6' ? `IPv6:${client.address}` : client.address;
  return {
    j: hostname,
    v: 'rxmilter',
    _: client.family === 'unknown' ? client.host : `${client.host} [${address}]`,
    '{daemon_name}': hostname,
    '{daemon_addr}': '127.0.0.1',
    '{daemon_port}': '25',
    '{client_name}': client.host,
    '{client_ptr}': client.host,
    '{client_addr}': client.address,
    '{client_port}': String(client.port),
  };
}

/** The macros that say how an address is delivered. */
export function addressMacros(what: 'mail' | 'rcpt', address: string): Macros {
  const at = address.lastIndexOf('@');
  return {
    [`{${what}_addr}`]: address,
    ...(at === -1 ? {} : { [`{${what}_host}`]: address.slice(at + 1), [`{${what}_mailer}`]: 'smtp' }),
  };
}

/** The macros of a recipient that the MTA refuses itself. */
export function refusedMacros(enhanced: string, text: string): Macros {
  return { '{rcpt_mailer}': 'error', '{rcpt_host}': enhanced, '{rcpt_addr}': text };
}
