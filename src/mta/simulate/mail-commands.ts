import { isIPv6 } from 'node:net';

import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { MtaEvent } from '../client/answer.js';
import { type ClientOptions, type Mail, pathOf } from './mail.js';

/** The most bytes of a body that an MTA sends in one frame. */
export const CHUNK = 65_535;

/** A client, completed: by its address it has a family, and a port where that has one. */
export function clientOf({
  address = '192.0.2.1',
  host = 'client.example',
  family = familyOf(address),
  port = family.startsWith('inet') ? 40_025 : 0,
}: Partial<ConnectFields> = {}): ConnectFields {
  return { host, family, port, address };
}

function familyOf(address: string): ConnectFields['family'] {
  if (address === '') return 'unknown';
  if (address.startsWith('/')) return 'unix';
  return isIPv6(address) ? 'inet6' : 'inet';
}

/** The commands that an MTA sends before the first mail. */
export function openingOf({
  client,
  helo = 'client.example',
}: ClientOptions): readonly [connect: Extract<MtaEvent, { type: 'connect' }>, helo: MtaEvent] {
  return [
    { type: 'connect', ...clientOf(client) },
    { type: 'helo', text: helo },
  ];
}

/** The commands of a mail, in the order in which an MTA sends them. */
export function commandsOf({ sender, recipients, headers = [], body = '' }: Mail): MtaEvent[] {
  const from = pathOf(sender);
  return [
    { type: 'mail', address: `<${from.address}>`, args: from.args },
    ...recipients
      .map(pathOf)
      .map(({ address, args }): MtaEvent => ({ type: 'rcpt', address: `<${address}>`, args })),
    { type: 'data' },
    ...headers.map(([name, value]): MtaEvent => ({ type: 'header', name, ...fieldOf(value) })),
    { type: 'eoh' },
    ...chunksOf(body).map((data): MtaEvent => ({ type: 'body', data })),
    { type: 'eom', data: Buffer.alloc(0) },
  ];
}

/** The value of a header as a command has it: bytes are sent as they are. */
export function fieldOf(value: string | Uint8Array): { readonly value: string; readonly raw?: Uint8Array } {
  return typeof value === 'string' ? { value } : { value: '', raw: value };
}

/** The body frames that an MTA makes of a body: text gets CRLF line ends. */
export function chunksOf(content: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(typeof content === 'string' ? content.replace(/\r?\n/g, '\r\n') : content);
  return Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_chunk, at) =>
    bytes.subarray(at * CHUNK, (at + 1) * CHUNK),
  );
}
