import { isIPv6 } from 'node:net';

import { checkOptions } from '../../common/options.js';
import type { Connect } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { CONNECT_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * An SMTP client connected, as a filter sees it.
 *
 * @param address an IPv4 or IPv6 address, the path of a Unix socket, or `''` for a client of which nothing is known
 * @example connect('192.0.2.1', { host: 'mail.example.net' })
 */
export function connect(address = '192.0.2.1', fields: EventFields<Connect> = {}): Connect {
  checkOptions('connect()', fields, CONNECT_FIELDS, 'field');
  const { host = 'client.example', family = familyOf(address) } = fields;
  const { port = family.startsWith('inet') ? 40_025 : 0 } = fields;
  const client = { host, family, port, address };
  return { stage: 'connect', session: session({ client }), ...client, raw: Buffer.from(host), ...fields };
}

function familyOf(address: string): Connect['family'] {
  if (address === '') return 'unknown';
  if (address.startsWith('/')) return 'unix';
  return isIPv6(address) ? 'inet6' : 'inet';
}
