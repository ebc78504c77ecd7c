import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { MacroStage, Macros } from '../client/macro-lists.js';
import type { MtaKind } from '../client/mta-kind.js';
import type { HeaderList, RawField } from './header-list.js';
import type { RecipientRules } from './recipient-list.js';

/** What the MTA knows of a message when it has its header. */
export interface MessageFacts {
  readonly received: string;
  readonly id: string;
  readonly hostname: string;
  readonly sender: string;
  readonly date: Date;
  /** Whether the milter sees and writes the blank after the colon. */
  readonly leadspc: boolean;
}

/** What refuses a session at its beginning: what the client is told at once, and to each command after that. */
export interface SessionRefusal {
  /** Nothing where it is told as usual. */
  readonly banner?: SmtpReply;
  readonly standing: SmtpReply;
}

/** In what one MTA differs from another. */
export interface Habits {
  readonly name: MtaKind;
  /** The rights that are offered together with an old version of the protocol. */
  readonly oldActions: number;
  /** Whether it tells of the end of every message; else only of those that the client gives up. */
  readonly abortsAlways: boolean;
  /** Whether it says good-bye to a milter that has decided about the whole session. */
  readonly quitsAlways: boolean;
  /** Whether a message has its id before a recipient is accepted. */
  readonly idAtMail: boolean;
  /** What stands behind the class in the enhanced code of a reply that came without; `''` where it stays without. */
  readonly missingCode: string;
  /** The macros that go before a command; nothing where not even an empty set does. */
  macros(
    stage: MacroStage,
    values: Macros,
    lists: ReadonlyMap<number, readonly string[]>,
  ): [string, string][] | undefined;
  /** Values of macros for the session. */
  session(hostname: string, client: ConnectFields): Macros;
  /** Values of macros that say how an address is delivered. */
  address(what: 'mail' | 'rcpt', address: string): Macros;
  /** Values of macros that are known when the header is. */
  content(header: HeaderList): Macros;
  /** What of an unknown command is shown to a milter. */
  unknownCommand(line: string): string;
  /** The client as it is shown to a milter. */
  client(client: ConnectFields): ConnectFields;
  /** Which recipients are the same. */
  readonly recipients: RecipientRules;
  /** The header of a message. */
  header(fields: readonly RawField[], facts: MessageFacts): HeaderList;
  /** What a client is told whose command is fine. */
  fine(command: 'mail' | 'rcpt' | 'data' | 'message' | 'rset', about: string): SmtpReply;
  /** What a client is told whose command is refused with this reply, an address or none in it. */
  refused(stage: string, reply: SmtpReply, address?: string): SmtpReply;
  /** What a client is told at a connection that is refused. */
  refusedSession(hostname: string, reply: SmtpReply): SessionRefusal;
  /** What a client is told whose command nobody knows. */
  unknown(line: string): SmtpReply;
}
