import type { Family } from '../transport/wire/layouts.js';
import type { Decision, DecisionAt } from './decisions.js';
import type { EnvelopePath } from './envelope-path.js';
import type { Edit, Modification } from './modifications.js';
import type { SessionInfo } from './session-info.js';
import type { Stage } from './stage.js';

interface EventBase {
  /** What is known of the connection. */
  readonly session: SessionInfo;
}

/** An SMTP client connected to the MTA. */
export interface Connect extends EventBase {
  readonly stage: 'connect';
  /** The client's name as the MTA has verified it, else its address in square brackets. */
  readonly host: string;
  readonly family: Family;
  readonly port: number;
  readonly address: string;
  /** The bytes of `host`. */
  readonly raw: Uint8Array;
}
/** HELO or EHLO; may come several times, or not at all. */
export interface Helo extends EventBase {
  readonly stage: 'helo';
  readonly name: string;
  readonly raw: Uint8Array;
}
/** MAIL FROM: a message begins. */
export interface Mail extends EventBase, EnvelopePath {
  readonly stage: 'mail';
}
/** What the MTA says to a recipient that it rejects by itself. */
export interface Rejection {
  /** Its enhanced status code (RFC 3463), such as `5.1.1`; `''` where unknown. */
  readonly status: string;
  /** Its words, without the codes; `''` where unknown. */
  readonly text: string;
}
/** RCPT TO. */
export interface Rcpt extends EventBase, EnvelopePath {
  readonly stage: 'rcpt';
  /** The MAIL that it belongs to. */
  readonly mail: Mail;
  /** Only under the option `rejectedRecipients`: the MTA has rejected it, whatever is decided. */
  readonly rejected?: Rejection;
}
/** The DATA command; recipients are complete. From protocol version 4. */
export interface Data extends EventBase {
  readonly stage: 'data';
}
/** One header field. */
export interface Header extends EventBase {
  readonly stage: 'header';
  readonly name: string;
  /** What follows the colon and its blank; lines are divided by LF. See the option `leadingSpace`. */
  readonly value: string;
  /** The bytes of `value`. */
  readonly raw: Uint8Array;
}
/** The headers are complete. */
export interface Eoh extends EventBase {
  readonly stage: 'eoh';
}
/** A piece of the body, cut anywhere. Lines end with CRLF. */
export interface Body extends EventBase {
  readonly stage: 'body';
  readonly chunk: Uint8Array;
}
/** The message is complete: the place for modifications. */
export interface Eom extends EventBase {
  readonly stage: 'eom';
  /** What earlier filters want to change. */
  readonly modifications: readonly Modification[];
}
/** An SMTP command that the MTA does not know. It fails whatever the filter says. */
export interface Unknown extends EventBase {
  readonly stage: 'unknown';
  /** The line, or with Postfix before 3.10 its first word. */
  readonly command: string;
  readonly raw: Uint8Array;
}
/** The message in progress is over without an end: RSET, a new HELO or MAIL, a lost client. */
export interface Abort extends EventBase {
  readonly stage: 'abort';
}
/** The SMTP connection is over. */
export interface Close extends EventBase {
  readonly stage: 'close';
}

/** An event that can be answered. */
export type StageEvent = Connect | Helo | Mail | Rcpt | Data | Header | Eoh | Body | Eom | Unknown;

/** Whatever an MTA makes known. */
export type MilterEvent = StageEvent | Abort | Close;

/** The event at stage `S`. */
export type EventAt<S extends MilterEvent['stage']> = Extract<MilterEvent, { readonly stage: S }>;

/** An event that was decided. */
export interface Reply<S extends Stage = Stage> {
  readonly stage: 'reply';
  /** The event. */
  readonly to: EventAt<S>;
  readonly decision: [Stage] extends [S] ? Decision : DecisionAt<S>;
  /** All that is to be changed, earlier filters' wishes first; empty but at `eom`. */
  readonly modifications: readonly Modification[];
}

/** What flows through a filter. */
export type Flow = MilterEvent | Reply;

/** An answer at stage `S`: a decision that is legal there, at `eom` also a modification or edit. */
export type Answer<S extends Stage> = DecisionAt<S> | ([S] extends ['eom'] ? Edit | Modification : never);
