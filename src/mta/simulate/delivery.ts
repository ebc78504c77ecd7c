import type { SmtpReply } from '../../session/smtp-reply.js';
import type { Agreement } from '../client/agreement.js';
import type { Exchange } from '../client/exchange.js';
import type { MilterError } from '../client/milter-error.js';
import type { WireModification } from '../client/modification-list.js';
import type { HeaderField } from './header-field.js';
import type { Path } from './mail.js';

/**
 * What becomes of a message; `refused` is for good (5xx), `deferred` is to be tried again (4xx), and `abandoned` is one
 * that the client has given up.
 */
export type DeliveryOutcome =
  'delivered' | 'quarantined' | 'discarded' | 'refused' | 'deferred' | 'abandoned';

/** A step of the SMTP dialogue and what the client was told. */
export interface DeliveryStep {
  /** `connect` is the banner, `message` what follows the final dot. */
  readonly command: 'connect' | 'helo' | 'mail' | 'rcpt' | 'rset' | 'data' | 'message';
  /** Of whom, at `mail` and `rcpt`. */
  readonly address?: string;
  readonly reply: SmtpReply;
}

/** What an MTA makes of a message that it has asked a milter about. */
export interface Delivery {
  readonly outcome: DeliveryOutcome;
  /**
   * What the client was told last: about the message, or about what kept it from sending it. Where no recipient was
   * accepted, about one that it may try again, if there is one.
   */
  readonly reply: SmtpReply;
  /** The SMTP dialogue. Of a second message on a connection it begins at `mail`. */
  readonly steps: readonly DeliveryStep[];
  /** The recipients that the client was told are fine, and the others. */
  readonly accepted: readonly Required<Path>[];
  readonly refused: readonly Required<Path>[];
  /** The recipients that the milter has added to those that were accepted, and those that it has removed. */
  readonly added: readonly Required<Path>[];
  readonly removed: readonly Required<Path>[];
  /** The envelope that the message is delivered with, or would be. */
  readonly sender: Required<Path>;
  readonly recipients: readonly Required<Path>[];
  /** The header and body that are delivered, or would be; the first field is the MTA's own `Received`. */
  readonly headers: readonly HeaderField[];
  readonly body: Buffer;
  /** Header, empty line and body as bytes. */
  readonly message: Buffer;
  /** Why the message is held, where it is. */
  readonly quarantined: string | undefined;
  /**
   * How often the MTA had to wait for the milter: the events that wanted a reply. The first message of a connection
   * has those of its beginning, but for the negotiation.
   */
  readonly rounds: number;
  /** What the milter wanted changed; applied unless the message was refused or discarded. */
  readonly modifications: readonly WireModification[];
  /** What was agreed on; nothing where there was no agreement. */
  readonly agreement: Agreement | undefined;
  /** The conversation with the milter about this message; the negotiation and so on are in the first one. */
  readonly transcript: readonly Exchange[];
  /** How the milter failed, where it did. What the client was told then is up to `onFailure`. */
  readonly failure: MilterError | undefined;
}
