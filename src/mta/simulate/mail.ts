import {
  type Rule,
  type Rules,
  either,
  list,
  object,
  oneOf,
  required,
  rule,
  string,
  text,
  whole,
} from '../../common/options.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import { type MtaMacros, macroValues } from '../client/macros.js';
import { type RawField, folded, nameOf } from './header-list.js';

/** An address without brackets, with its ESMTP arguments. */
export interface Path {
  readonly address: string;
  readonly args?: readonly string[];
}

/** A recipient, or one that the MTA itself refuses: it is shown to a milter that asked for those. */
export interface MailRecipient extends Path {
  readonly refused?: SmtpReply;
}

/** A header field: its name, its value, which may be folded, and instead of that every byte after the colon. */
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
  readonly macros?: MtaMacros;
  /** The client gives the message up (RSET) after MAIL, or after the recipients. */
  readonly reset?: 'mail' | 'rcpt';
}

/** How the client's connection is encrypted; at HELO it fills the macros `{tls_version}` and so on. */
export interface ClientTls {
  /** `'TLSv1.3'` */
  readonly version: string;
  /** `'TLS_AES_256_GCM_SHA384'` */
  readonly cipher: string;
  /** The length of the cipher's key, in bits. */
  readonly bits: number;
  /** The subject and the issuer of the client's certificate. */
  readonly subject?: string;
  readonly issuer?: string;
}

/** The user that has logged in; at MAIL it fills the macros `{auth_authen}` and so on. */
export interface ClientAuth {
  readonly user: string;
  /** The mechanism; `PLAIN` by default. */
  readonly type?: string;
  /** The user that the client acts for, where that is another one. */
  readonly author?: string;
}

/** The SMTP client: who it is, and how it introduces itself. */
export interface ClientOptions {
  readonly client?: Partial<ConnectFields>;
  /** The client's name in EHLO; its host name by default. */
  readonly helo?: string;
  /** Where the client's connection is encrypted. */
  readonly tls?: ClientTls;
  /** Where the client has logged in. */
  readonly auth?: ClientAuth;
}

/** A message, its envelope, and the client that it comes from. */
export interface ClientMail extends Mail, ClientOptions {}

const CONTROL = /[\0-\x1f\x7f]/;
/** All characters but those that would end the name; blanks may be before the colon. */
const NAME = /^[^\0-\x20:\x7f]+[ \t]*$/;

const isPlain = (value: unknown): boolean => typeof value === 'string' && !CONTROL.test(value);
const address = rule('an address without control characters', isPlain);
const argument = rule('an ESMTP argument without control characters, such as NOTIFY=NEVER', isPlain);
export const argumentList: Rule = list(argument, "an array of arguments, such as ['NOTIFY=NEVER']");

const PATH: Rules<Path> = { address: required(address), args: argumentList };
const RECIPIENT: Rules<MailRecipient> = {
  ...PATH,
  refused: object<SmtpReply>({
    code: required(whole(400, 599)),
    enhanced: string,
    lines: required(list(string)),
  }),
};

function pathRule<P extends Path>(rules: Rules<P>): Rule {
  return either(address, { ...object(rules), expected: '{ address, args }' });
}

const header: Rule = {
  ...rule(
    "[name, value], such as ['Subject', 'Hi']",
    (value) => Array.isArray(value) && faultOf(value) === undefined,
  ),
  hint: (value) => (Array.isArray(value) ? faultOf(value) : undefined),
};

function faultOf([name, value, raw = '']: readonly unknown[]): string | undefined {
  for (const content of [value, raw]) {
    if (text.check(content) !== 'right') return 'The value has to be a string or bytes.';
    if (Buffer.from(content as string).includes(0)) return 'The value has to be without NUL.';
  }
  if (typeof name === 'string' && NAME.test(name)) return undefined;
  return 'The name has to be without a colon, blanks and control characters.';
}

export const MAIL_RULES: Rules<Mail> = {
  sender: required(pathRule(PATH), "Use '' for the null sender."),
  recipients: required(list(required(pathRule(RECIPIENT)), 'an array of addresses')),
  headers: list(required(header), "an array of [name, value], such as [['Subject', 'Hi']]"),
  body: text,
  macros: macroValues,
  reset: oneOf('mail', 'rcpt'),
};

export const CONNECT_RULES: Rules<ConnectFields> = {
  host: string,
  family: oneOf('inet', 'inet6', 'unix', 'unknown'),
  port: whole(0, 65_535),
  address: string,
  raw: text,
};

export const CLIENT_RULES: Rules<ClientOptions> = {
  client: object(CONNECT_RULES),
  helo: string,
  tls: object<ClientTls>({
    version: required(string),
    cipher: required(string),
    bits: required(whole(0)),
    subject: string,
    issuer: string,
  }),
  auth: object<ClientAuth>({ user: required(string), type: string, author: string }),
};

export const CLIENT_MAIL_RULES: Rules<ClientMail> = { ...MAIL_RULES, ...CLIENT_RULES };

export function pathOf(path: string | Path): Required<Path> {
  const { address, args = [] }: Path = typeof path === 'string' ? { address: path } : path;
  return { address, args };
}

/** A header as an MTA keeps it. */
export function fieldsOf(headers: readonly MailHeader[]): RawField[] {
  return headers.map(([name, value, raw]) => ({
    name: nameOf(name),
    raw: folded(raw ?? Buffer.concat([Buffer.from(' '), Buffer.from(value)])),
  }));
}

/** The same lines, each with CRLF at its end; a bare CR is no line end. */
export function withLineEnds(content: Buffer): Buffer {
  if (content.length === 0) return content;
  const lines = content.toString('latin1').replace(/\r?\n/g, '\r\n');
  return Buffer.from(lines.endsWith('\r\n') ? lines : `${lines}\r\n`, 'latin1');
}
