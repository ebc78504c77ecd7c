import type { MtaEvent } from '../mta/client/answer.js';
import { type ClientOptions, type Mail, pathOf } from '../mta/simulate/mail.js';
import { connect } from './events.js';

/** The most bytes of a body that an MTA sends in one frame. */
export const CHUNK = 65_535;

/** The commands that an MTA sends before the first mail. */
export function openingOf({
  client,
  helo = 'client.example',
}: ClientOptions): readonly [connect: Extract<MtaEvent, { type: 'connect' }>, helo: MtaEvent] {
  const { host, family, port, address } = connect(client?.address, client);
  return [
    { type: 'connect', host, family, port, address },
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
