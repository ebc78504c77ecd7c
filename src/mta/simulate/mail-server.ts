import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { MtaMacros } from '../client/macros.js';
import type { HeaderList, RawField } from './header-list.js';
import type { Path } from './mail.js';

/** The facts that an MTA knows of a message when it has its header. */
export interface MessageFacts {
  readonly received: string;
  readonly id: string;
  readonly hostname: string;
  readonly sender: string;
  readonly date: Date;
  /** Whether the milter sees and writes the blank after the colon. */
  readonly leadspc: boolean;
}

export interface SessionRefusal {
  /** In place of the usual banner, if there is one. */
  readonly banner?: SmtpReply;
  /** The reply to each command after that. */
  readonly standing: SmtpReply;
}

/** Which recipients are the same to an MTA. */
export interface RecipientRules {
  /** Recipients with the same key get the message once. */
  key(recipient: Required<Path>, by: 'client' | 'milter'): string;
  /** The recipient that a milter adds again after it was deleted; by default it is as it is added. */
  again?(old: Required<Path>, added: Required<Path>): Required<Path>;
}

/** How a mail server treats SMTP clients, addresses and headers; `KnownProfile` says how it treats milters. */
export interface MailServer {
  session(hostname: string, client: ConnectFields): MtaMacros;
  /** Values of macros that say how an address is delivered. */
  address(what: 'mail' | 'rcpt', address: string): MtaMacros;
  /** Values of macros that are known when the header is. */
  content(header: HeaderList): MtaMacros;
  /** The part of an unknown command that is shown to a milter. */
  unknownCommand(line: string): string;
  client(client: ConnectFields): ConnectFields;
  readonly recipients: RecipientRules;
  /** Whether the body begins with a field: one that is no field to the server. */
  endsHeader?(field: RawField): boolean;
  header(fields: readonly RawField[], facts: MessageFacts): HeaderList;
  /** The replies to commands that are accepted, as text; `%` is the address or the queue id. */
  readonly accepts: Readonly<Record<'mail' | 'rcpt' | 'data' | 'message' | 'rset', string>>;
  /** The reply to a command that a milter refuses with this one, about an address or not. */
  refused(stage: string, reply: SmtpReply, address?: string): SmtpReply;
  refusedSession(hostname: string, reply: SmtpReply): SessionRefusal;
  unknown(line: string): SmtpReply;
}

/** Values of macros for the session that are the same on all servers. */
export function commonMacros(hostname: string, { host, port }: ConnectFields): MtaMacros {
  return {
    j: hostname,
    '{daemon_addr}': '127.0.0.1',
    '{daemon_port}': '25',
    '{client_name}': host,
    '{client_ptr}': host,
    '{client_port}': String(port),
    '{client_connections}': '1',
    '{client_resolve}': 'OK',
  };
}

/** An IP address with its prefix in SMTP (RFC 5321, 4.1.3). */
export function literalOf({ family, address }: ConnectFields): string {
  return family === 'inet6' ? `IPv6:${address}` : address;
}

/** The value of an ESMTP argument, such as that of `ORCPT`. */
export function argumentOf(name: string, args: readonly string[]): string | undefined {
  return args.find((arg) => arg.toUpperCase().startsWith(`${name}=`))?.slice(name.length + 1);
}
