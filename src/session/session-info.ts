import type { ProtocolFlag, Right } from '../transport/wire/flags.js';
import type { Family } from '../transport/wire/layouts.js';
import type { MtaName } from './profiles/profile.js';

/** The SMTP client at the other end of the MTA. */
export interface Client {
  readonly host: string;
  readonly family: Family;
  readonly port: number;
  readonly address: string;
}

/** The macros in scope: of the connection, of the message, and of the recipient in progress. */
export interface Macros {
  /** The value of `i`, `auth_authen` … ; braces around the name make no difference. */
  get(name: string): string | undefined;
  /** All of them by bare name, later stages over earlier ones. */
  all(): Readonly<Record<string, string>>;
}

/** What is known of a connection: a live view, whose HELO and macros are the newest. */
export interface SessionInfo {
  /** Unique within the process. */
  readonly id: string;
  /** The client; with empty strings before `connect`. */
  readonly client: Client;
  /** The name given at the last HELO or EHLO. */
  readonly helo: string | undefined;
  /** The negotiated protocol version, 0 before. */
  readonly version: number;
  /** What the MTA lets the filter change. */
  readonly rights: readonly Right[];
  /** The protocol flags that were agreed to. */
  readonly protocol: readonly ProtocolFlag[];
  /** Whether header values begin with the blank after the colon; see the option `leadingSpace`. */
  readonly leadingSpace: boolean;
  readonly macros: Macros;
  /** The MTA, as its macros show it: certain from `connect` on where it sends `v`, as Postfix does. */
  readonly mta: MtaName;
}

/**
 * The user who has logged in to the mail server (the macro `auth_authen`); `undefined` without a login.
 *
 * @remarks
 * Known from `mail` on. Some mail servers send the macro without a login, too: a blank value is no user.
 *
 * @example on('rcpt', ({ session }) => (authenticatedUser(session) === undefined ? reject('Log in first') : undefined))
 * @see Message.auth for the same with the mechanism
 */
export function authenticatedUser({ macros }: Pick<SessionInfo, 'macros'>): string | undefined {
  const user = macros.get('auth_authen');
  return user === undefined || user.trim() === '' ? undefined : user;
}
