import type { SmtpReply } from '../../session/smtp-reply.js';
import type { MtaAgreement } from '../client/agreement.js';
import type { MilterError } from '../client/milter-error.js';
import type { WireModification } from '../client/modification-list.js';
import type { TranscriptEntry } from '../client/mta-connection.js';
import type { HeaderField } from './header-list.js';
import type { Path } from './mail.js';

/** The outcome of a message: `refused` by 5xx, `deferred` by 4xx, `abandoned` by the client. */
export type DeliveryOutcome =
  'delivered' | 'quarantined' | 'discarded' | 'refused' | 'deferred' | 'abandoned';

/** A step of the SMTP dialogue and the reply to it. */
export interface DeliveryStep {
  /** `connect` is the banner, `message` the reply to the final dot. */
  readonly command: 'connect' | 'helo' | 'mail' | 'rcpt' | 'rset' | 'data' | 'message';
  /** The sender or recipient, at `mail` and `rcpt`. */
  readonly address?: string;
  readonly reply: SmtpReply;
}

/** The result of a message that an MTA has asked a milter about. */
export interface Delivery {
  readonly outcome: DeliveryOutcome;
  /** The last reply to the client; where no recipient was accepted, preferably one that it may try again (4xx). */
  readonly reply: SmtpReply;
  /** The SMTP dialogue. Of a second message on a connection it begins at `mail`. */
  readonly steps: readonly DeliveryStep[];
  /** The recipients that were accepted, and those that were refused. */
  readonly accepted: readonly Required<Path>[];
  readonly refused: readonly Required<Path>[];
  /** The recipients that the milter has added to those that were accepted, and those that it has removed. */
  readonly added: readonly Required<Path>[];
  readonly removed: readonly Required<Path>[];
  /** The envelope that the message is delivered with, or would be. */
  readonly sender: Required<Path>;
  readonly recipients: readonly Required<Path>[];
  /** The header and body that are delivered, or would be, with the MTA's own `Received`: the first field but in maddy. */
  readonly headers: readonly HeaderField[];
  readonly body: Buffer;
  /** Header, empty line and body as bytes. */
  readonly message: Buffer;
  /** The reason of the quarantine, where the message is held. */
  readonly quarantined: string | undefined;
  /** How often the MTA had to wait for the milter; the first message of a connection has those of its beginning, too. */
  readonly rounds: number;
  /** The changes that the milter wanted; applied unless the message was refused or discarded. */
  readonly modifications: readonly WireModification[];
  /** The agreement with the milter, where there was one. */
  readonly agreement: MtaAgreement | undefined;
  /** The conversation with the milter about this message; the negotiation and so on are in the first one. */
  readonly transcript: readonly TranscriptEntry[];
  /** How the milter failed, where it did. The reply to the client was then up to `onFailure`. */
  readonly failure: MilterError | undefined;
}

/**
 * Formats a reply as the SMTP client sees it, CRLF between its lines and none at its end.
 *
 * @example
 * formatReply({ code: 550, enhanced: '5.7.1', lines: ['no', 'really'] }); // '550-5.7.1 no\r\n550 5.7.1 really'
 */
export function formatReply({ code, enhanced, lines }: SmtpReply): string {
  const status = enhanced === undefined ? '' : `${enhanced} `;
  const last = lines.length - 1;
  return lines.map((line, at) => `${code}${at === last ? ' ' : '-'}${status}${line}`).join('\r\n');
}
