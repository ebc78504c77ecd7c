import type { SMFIM } from '../../transport/wire/flags.js';

/** The mail servers that are told apart. */
export type MtaName = MtaKind | 'unknown';

/** The mail servers whose behaviour is known. */
export type MtaKind = 'postfix' | 'sendmail';

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
  /** Where ADDHEADER puts a header: at the end, or before the first one of its name. */
  readonly adds: 'at the end' | 'before its name' | 'unknown';
  /** The headers, in small letters, that it makes where they are missing; an added one takes that place. */
  readonly makes: ReadonlySet<string>;
  /** Whether INSHEADER counts the headers of its configuration before those of the message. */
  readonly countsConfigured: boolean;
  /** Whether a header whose value is changed keeps the spelling of its name. */
  readonly keepsName: boolean;
  /** The arguments of CHGFROM where none are given. */
  readonly noArguments: readonly string[];
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

export const TLS = ['{tls_version}', '{cipher}', '{cipher_bits}', '{cert_subject}', '{cert_issuer}'];
export const AUTH = ['{auth_type}', '{auth_authen}'];
