import type { Readable } from 'node:stream';

import type { Modification } from '../session/modifications.js';
import type { Client, Macros, SessionInfo } from '../session/session-info.js';
import type { EnvelopePath } from './envelope-path.js';
import type { Headers } from './headers.js';
import type { Bodies, BodyMode } from './message-body.js';

/** The TLS of the SMTP connection (macros `tls_version`, `cipher` …). */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  readonly bits: number;
  /** What the MTA thinks of the client's certificate: `'OK'`, `'NO'` (there is none), `'FAIL'` …; Postfix has none. */
  readonly verify: string | undefined;
  readonly subject: string | undefined;
  readonly issuer: string | undefined;
}

/** Who has logged in (macros `auth_authen`, `auth_type`, `auth_author`). */
export interface AuthFacts {
  readonly user: string;
  readonly mechanism: string | undefined;
  readonly author: string | undefined;
}

/** A message as a whole, as earlier filters of the pipeline want it to be. */
export interface Message<B extends BodyMode = 'buffer'> {
  readonly session: SessionInfo;
  readonly client: Client;
  readonly helo: string | undefined;
  /** The queue id of the MTA (macro `i`). */
  readonly queueId: string | undefined;
  readonly auth: AuthFacts | undefined;
  readonly tls: TlsFacts | undefined;
  /** The macros in scope. */
  readonly macros: Macros;
  readonly sender: EnvelopePath;
  /** Those that nobody has refused. */
  readonly recipients: readonly EnvelopePath[];
  readonly headers: Headers;
  readonly body: Bodies[B];
  /** What a limit has cut off (`beyond: 'truncate'`). */
  readonly truncated: { readonly recipients: boolean; readonly headers: boolean; readonly body: boolean };
  /** What earlier filters want to change; it is in all of the above already. */
  readonly modifications: readonly Modification[];
  /** Header, empty line and body as bytes, lines ended by CRLF: what programs for whole messages want. */
  readonly source: B extends 'buffer' | 'stream' ? () => Readable : undefined;
}
