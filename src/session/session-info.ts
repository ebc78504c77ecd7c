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

/** The TLS of the SMTP connection (macros `tls_version`, `cipher` …). */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  readonly bits: number;
  /** The verdict of the MTA about the client's certificate: `'OK'`, `'NO'` (without one), `'FAIL'` …; not in Postfix. */
  readonly verify: string | undefined;
  readonly subject: string | undefined;
  readonly issuer: string | undefined;
  /** The name of the server that the client has asked for (SNI). Postfix has it from 3.12 on, where `{tls_sni}` is asked for. */
  readonly sni: string | undefined;
}

/** The user of the SMTP connection, after a login (macros `auth_authen`, `auth_type`, `auth_author`). */
export interface AuthFacts {
  readonly user: string;
  readonly mechanism: string | undefined;
  readonly author: string | undefined;
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
  /** The MTA's queue id of the message in progress (macro `i`), as soon as it has one. */
  readonly queueId: string | undefined;
  /** The login of the client, from `mail` on. */
  readonly auth: AuthFacts | undefined;
  /** The TLS of the client's connection, from `helo` on. */
  readonly tls: TlsFacts | undefined;
  /** The MTA, as its macros show it: certain from `connect` on where it sends `v`, as Postfix does. */
  readonly mta: MtaName;
}
