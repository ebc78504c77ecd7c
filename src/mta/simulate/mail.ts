import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { Macros } from '../client/macro-lists.js';
import { folded, nameOf } from './field-bytes.js';
import type { RawField } from './header-list.js';

/** An address without brackets, with its ESMTP arguments. */
export interface Path {
  readonly address: string;
  readonly args?: readonly string[];
}

/** A recipient; one that the MTA itself refuses is shown to a milter that asked for those. */
export interface MailRecipient extends Path {
  readonly refused?: SmtpReply;
}

/**
 * A header field: its name and its value, which begins after the colon and one blank and may be folded with line ends.
 *
 * Where there is `raw`, that is sent: every byte after the colon. The value is then for those who read it.
 */
export type MailHeader = readonly [name: string, value: string | Uint8Array, raw?: Uint8Array];

/** A message and its envelope. */
export interface Mail {
  /** `''` is the null sender. */
  readonly sender: string | Path;
  readonly recipients: readonly (string | MailRecipient)[];
  /** In order. */
  readonly headers?: readonly MailHeader[];
  /** Text gets CRLF line ends, the last one included; bytes are sent as they are. */
  readonly body?: string | Uint8Array;
  /** Values for macros beyond those that the message itself has, such as `{auth_ssf}`. */
  readonly macros?: Macros;
  /** The client gives the message up (RSET) after MAIL, or after the recipients. */
  readonly reset?: 'mail' | 'rcpt';
}

/** A client somewhere, over IPv4. */
export const DEFAULT_CLIENT: ConnectFields = {
  host: 'client.example.com',
  family: 'inet',
  port: 40_000,
  address: '192.0.2.1',
};

/** An address however it was given. */
export function pathOf(path: string | Path): Required<Path> {
  return typeof path === 'string'
    ? { address: path, args: [] }
    : { address: path.address, args: path.args ?? [] };
}

/** A header as an MTA keeps it: both take away blanks before a colon. */
export function fieldsOf(headers: readonly MailHeader[]): RawField[] {
  return headers.map(([name, value, raw]) => ({
    name: nameOf(name),
    raw: folded(raw ?? Buffer.concat([Buffer.from(' '), Buffer.from(value)])),
  }));
}

/** The body as an SMTP server has it after the final dot. */
export function bodyBytes(body: string | Uint8Array): Buffer {
  return typeof body === 'string' ? withLineEnds(Buffer.from(body)) : Buffer.from(body);
}

/** The same lines, each with CRLF at its end; a bare CR is no line end. */
export function withLineEnds(text: Buffer): Buffer {
  if (text.length === 0) return text;
  const lines = text.toString('latin1').replace(/\r?\n/g, '\r\n');
  return Buffer.from(lines.endsWith('\r\n') ? lines : `${lines}\r\n`, 'latin1');
}
