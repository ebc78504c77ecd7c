import type { Stage } from '../stage.js';

/** The mail servers that can be simulated. */
export type MtaKind = 'postfix' | 'sendmail' | 'stalwart' | 'maddy';

/** The mail servers that are told apart. */
export type MtaName = MtaKind | 'unknown';

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

/** A decision of a milter about a message, at a stage of it. */
export interface MessageDecision {
  readonly stage: Stage;
  readonly kind: 'accept' | 'discard' | 'skip' | 'refuse';
}

/** What a mail server knows of a message that is over when it may send ABORT. */
export interface MessageEnd {
  readonly decisions: readonly MessageDecision[];
  /** Whether the milter heard no more of it after one of them. */
  readonly decided: boolean;
  /** Whether the milter is asked about the sender. */
  readonly asksSender: boolean;
}

/** How long a mail server waits for a milter, in milliseconds. */
export interface Waits {
  readonly connect: number;
  readonly command: number;
  readonly content: number;
  readonly eom: number;
}

/** The same of a mail server whose behaviour is known: also what it sends to a milter, and when. */
export interface KnownProfile extends Profile {
  readonly name: MtaKind;
  readonly offer: { readonly version: number; readonly actions: number; readonly protocol: number };
  /** The actions that it offers together with a protocol version below 6. */
  readonly oldActions: number;
  /** Whether it does what the answer to its offer says, offered or not; otherwise more than was offered is a failure. */
  readonly obeys: boolean;
  /**
   * The SMTP command at which the milter is asked first: about that, and about all before it. Where that is not
   * `connect`, each message has a connection of its own.
   */
  readonly asksFrom: 'connect' | 'rcpt' | 'message';
  /** The events that it never sends. */
  readonly neverSends: readonly Stage[];
  /** The protocol flag on which an event is left out, where that is not its own. */
  readonly leftOutBy: Readonly<Partial<Record<Stage, number>>>;
  /** The ESMTP arguments that a milter gets to see; all where there is no list. */
  readonly showsArguments?: readonly string[];
  /** Whether it sends the macros of events that are left out. */
  readonly macrosAlone: boolean;
  /** Whether it sends a list of macros without any. */
  readonly emptyMacros: boolean;
  /**
   * The names of the macros that it sends before a command; `undefined` where it sends none, not even an empty list.
   *
   * @param lists those that the milter asked for, by `SMFIM`
   */
  macrosFor(stage: Stage, lists: MacroRequests): readonly string[] | undefined;
  /** Whether a name of a macro without braces ends with its first letter, whatever follows. */
  readonly readsOneLetter: boolean;
  /** Replies that it does not know. */
  readonly unknownReplies: readonly string[];
  /** Whether progress is a reply at every stage, and not only at the end of the message. */
  readonly progressAnywhere: boolean;
  /** Whether an acceptance is no more than a continue. */
  readonly goesOn: boolean;
  /** What it can discard: a message, also before there is one, or nothing: then it defers. */
  readonly discards: 'message' | 'always' | 'never';
  /** What its client gets of a reply with a code: its lines, when they are fit for it; its first line; the code alone. */
  readonly replies: 'checked' | 'plain' | 'code';
  /** Whether a new sender without a second string is a broken frame. */
  readonly needsArguments: boolean;
  /** Whether ABORT follows on a message; without one, on EHLO and at the end of a session. */
  aborts(message?: MessageEnd): boolean;
  /** Whether it sends QUIT to a milter that has decided about the whole session. */
  readonly quitsAlways: boolean;
  /** Whether a message has its queue id before a recipient is accepted. */
  readonly idAtMail: boolean;
  /** The enhanced code, without its class, that it gives a reply without one; `''` where it gives none. */
  readonly missingCode: string;
  /** How long it waits, where that is known to be other than in Postfix. */
  readonly waits?: Waits;
}

/** The macros that a milter has asked for, by the numbers of `SMFIM`. */
export type MacroRequests = ReadonlyMap<number, readonly string[]>;

/** Macros by stage. */
export type MacroTable = Readonly<Partial<Record<Stage, readonly string[]>>>;

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

/** What Postfix and Sendmail have in common as clients of a milter. */
export const REFERENCE = {
  offer: { version: 6, actions: 0x1ff, protocol: 0x1fffff },
  obeys: false,
  asksFrom: 'connect',
  neverSends: [],
  leftOutBy: {},
  macrosAlone: true,
  emptyMacros: true,
  readsOneLetter: false,
  unknownReplies: [],
  progressAnywhere: false,
  goesOn: false,
  discards: 'message',
  replies: 'checked',
  needsArguments: false,
} as const satisfies Partial<KnownProfile>;

/** What Stalwart and maddy have in common as clients of a milter. */
export const PER_MESSAGE = {
  ...REFERENCE,
  obeys: true,
  macrosAlone: false,
  missingCode: '',
} as const satisfies Partial<KnownProfile>;

export const TLS = ['{tls_version}', '{cipher}', '{cipher_bits}', '{cert_subject}', '{cert_issuer}'];
export const AUTH = ['{auth_type}', '{auth_authen}'];
