import type { SMFIM } from '../../transport/wire/flags.js';

/** The mail servers that are told apart. */
export type MtaName = MtaKind | 'stalwart' | 'maddy' | 'unknown';

/** The mail servers that can be simulated. */
export type MtaKind = 'postfix' | 'sendmail';

/** What a mail server makes something else of than Postfix and Sendmail do, so that filters should know. */
export type Difference = 'quarantine' | 'recipient' | 'text' | 'discard' | 'place';

/** Signs of an MTA: its macros so far. */
export interface Signs {
  /** The value of a macro that came by just this name, braces or none included. */
  getAsSent(name: string): string | undefined;
  /** Whether macros came for HEADER or BODY. */
  readonly forContent: boolean;
}

/** What is different about one mail server: how it is recognised, and how changes have to be worded for it. */
export interface Profile {
  readonly name: MtaName;
  /** The value of the macro `v` of such a server. */
  readonly version: RegExp;
  /** Whether a server without `v` is one; `prefixed` where it writes `IPv6:` before the client's address. */
  recognises(signs: Signs, prefixed: boolean): boolean;
  /** Where ADDHEADER puts a header: at the end, before the first one of its name, or above all others. */
  readonly adds: 'at the end' | 'before its name' | 'at the top' | 'unknown';
  /** The number of INSHEADER for the place above all others. */
  readonly top: number;
  /** Whether INSHEADER counts the headers of the same name alone. */
  readonly countsName: boolean;
  /** The headers, in small letters, that it makes where they are missing; an added one takes that place. */
  readonly makes: ReadonlySet<string>;
  /** Whether INSHEADER counts the headers of its configuration before those of the message. */
  readonly countsConfigured: boolean;
  /** Whether a header whose value is changed keeps the spelling of its name. */
  readonly keepsName: boolean;
  /** The arguments of CHGFROM where none are given. */
  readonly noArguments: readonly string[];
  /** What ends the lines of a folded header, from it and to it. */
  readonly lineEnd: '\n' | '\r\n';
  /** Whether it takes only UTF-8 for text. */
  readonly utf8Only: boolean;
  /** Whether a reply has one line for it, in which `%` is a character like any other. */
  readonly plainReplies: boolean;
  /** Whether the body comes with the whole header in front of it. */
  readonly repeatsHeader: boolean;
  /** Whether a new body of no bytes is none to it. */
  readonly needsBody: boolean;
  /** Whether it finds a recipient that is to be deleted by the address in small letters. */
  readonly smallRecipients: boolean;
  /** What it makes of something, in a sentence. */
  readonly differences: Readonly<Partial<Record<Difference, string>>>;
  /** Whether the text for a recipient that it has rejected itself has a code in front. */
  readonly codesRejections: boolean;
}

/** The same of a mail server whose behaviour is known: also what it sends to a milter, and when. */
export interface KnownProfile extends Profile {
  readonly name: MtaKind;
  /** The actions that it offers together with a protocol version below 6. */
  readonly oldActions: number;
  /** Whether ABORT follows on every message; otherwise only on a message that the client gives up. */
  readonly abortsAlways: boolean;
  /** Whether it sends QUIT to a milter that has decided about the whole session. */
  readonly quitsAlways: boolean;
  /** Whether a message has its queue id before a recipient is accepted. */
  readonly idAtMail: boolean;
  /** The enhanced code, without its class, that it gives a reply without one; `''` where it gives none. */
  readonly missingCode: string;
  /** The macros that it sends at a stage for which the milter asked for none. */
  readonly macros: Readonly<Partial<Record<keyof typeof SMFIM, readonly string[]>>>;
}

export const NO_DIFFERENCES: Profile['differences'] = Object.freeze({});

/** What Postfix and Sendmail have in common. */
export const USUAL = {
  top: 0,
  countsName: false,
  lineEnd: '\n',
  utf8Only: false,
  plainReplies: false,
  repeatsHeader: false,
  needsBody: false,
  smallRecipients: false,
  differences: NO_DIFFERENCES,
} as const satisfies Partial<Profile>;

export const TLS = ['{tls_version}', '{cipher}', '{cipher_bits}', '{cert_subject}', '{cert_issuer}'];
export const AUTH = ['{auth_type}', '{auth_authen}'];
