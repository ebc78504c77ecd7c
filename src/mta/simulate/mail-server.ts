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
  /** What a milter calls a recipient that it wants removed; its address otherwise. */
  named?(recipient: Required<Path>): string;
  /** Whether a recipient of a milter is one; the null address is none to any server. */
  takes?(recipient: Required<Path>): boolean;
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
  /** The part of an unknown command that is shown to a milter; otherwise all of it. */
  unknownCommand?(line: string): string;
  /** The client as a milter is told of it. */
  client(client: ConnectFields, helo: string): ConnectFields;
  readonly recipients: RecipientRules;
  /** Whether the body begins with a field: one that is no field to the server. */
  endsHeader?(field: RawField): boolean;
  header(fields: readonly RawField[], facts: MessageFacts): HeaderList;
  /** The replies to commands that are accepted, as text; `%` is the host, the address or the queue id. */
  readonly accepts: Readonly<Record<'connect' | 'mail' | 'rcpt' | 'data' | 'message' | 'rset', string>>;
  /** The reply to a message that is discarded, where it is another. */
  readonly discarded?: SmtpReply;
  /** The field that it adds to a message in quarantine, and delivers it. */
  readonly quarantineField?: string;
  /** Whether a new body keeps its line ends, whatever they are. */
  readonly keepsLineEnds?: boolean;
  /** The reply to a command that a milter refuses with this one. */
  refused(
    stage: string,
    reply: SmtpReply,
    about: { readonly id: string; readonly address?: string | undefined },
  ): SmtpReply;
  /** What becomes of a session that a milter refuses, where it is asked about it. */
  refusedSession?(hostname: string, reply: SmtpReply): SessionRefusal;
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

/** Whether the client's address has a name; otherwise it comes with its address in brackets. */
export function hasName({ host }: ConnectFields): boolean {
  return !host.startsWith('[');
}

/** A reply that is written as text, with what it is about in the place of `%`. */
export function replyFrom(text: string, about: string): SmtpReply {
  const [, code, enhanced, line = ''] = /^(\d+) (?:(\d\.\d\.\d) )?(.*)$/.exec(text) ?? [];
  const lines = [line.replace('%', () => about)];
  return { code: Number(code), ...(enhanced !== undefined && { enhanced }), lines };
}

/** An IP address with its prefix in SMTP (RFC 5321, 4.1.3). */
export function literalOf({ family, address }: ConnectFields): string {
  return family === 'inet6' ? `IPv6:${address}` : address;
}

/** The value of an ESMTP argument, such as that of `ORCPT`. */
export function argumentOf(name: string, args: readonly string[]): string | undefined {
  return args.find((arg) => arg.toUpperCase().startsWith(`${name}=`))?.slice(name.length + 1);
}
