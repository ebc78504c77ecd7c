/** The mail servers that are told apart. */
export type MtaName = 'postfix' | 'sendmail' | 'unknown';

/** Signs of an MTA: its macros so far, and how it writes. */
export interface Signs {
  /** The value of a macro that came by just this name, braces or none included. */
  getAsSent(name: string): string | undefined;
  /** Whether macros came for HEADER or BODY. */
  readonly forContent: boolean;
  /** Whether the address of the client was written with `IPv6:` before it. */
  readonly prefixed: boolean;
}

/** What is different about one mail server: how it is recognised, and how changes have to be worded for it. */
export interface Profile {
  readonly name: MtaName;
  /** The value of the macro `v` of such a server. */
  readonly version: RegExp;
  /** Whether a server without `v` is one, as far as its signs say. */
  recognises(signs: Signs): boolean;
  /** Where ADDHEADER puts a header: at the end, or before the first one of its name. */
  readonly adds: 'at the end' | 'before its name' | 'unknown';
  /** The headers, in small letters, that it makes where a message has none; an added one takes the place of its own. */
  readonly makes: ReadonlySet<string>;
  /** Whether INSHEADER counts the headers of its configuration before those of the message. */
  readonly countsConfigured: boolean;
  /** Whether a header whose value is changed keeps the spelling of its name. */
  readonly keepsName: boolean;
  /** The arguments of CHGFROM where none are given. */
  readonly noArguments: readonly string[];
  /** Whether the text for a recipient that it has rejected itself is known by the code in front of it. */
  readonly codesRejections: boolean;
}
