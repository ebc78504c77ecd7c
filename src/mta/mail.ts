import type { ConnectFields } from '../transport/layouts/connect.js';
import type { SmtpReply } from '../session/smtp-reply.js';
import type { Macros } from './macro-lists.js';

/** An address without brackets, with its ESMTP arguments. */
export interface Path {
  readonly address: string;
  readonly args?: readonly string[];
}

/** A recipient; one that the MTA itself refuses is shown to a milter that asked for those. */
export interface MailRecipient extends Path {
  readonly refused?: SmtpReply;
}

/** A message and its envelope. */
export interface Mail {
  /** `''` is the null sender. */
  readonly sender: string | Path;
  readonly recipients: readonly (string | MailRecipient)[];
  /** Names and values, in order; a value begins after the colon and one blank, and may be folded with line ends. */
  readonly headers?: readonly (readonly [name: string, value: string | Uint8Array])[];
  /** Text gets CRLF line ends, the last one included; bytes are sent as they are. */
  readonly body?: string | Uint8Array;
  /** Values for macros beyond those that the message itself has, such as `{auth_authen}`. */
  readonly macros?: Macros;
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
