import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { ClientAuth, ClientTls } from './client-security.js';
import type { Mail } from './mail.js';

/** The SMTP client: who it is, and how it introduces itself. */
export interface ClientOptions {
  readonly client?: Partial<ConnectFields>;
  /** What the client says in EHLO; its host name by default. */
  readonly helo?: string;
  /** Where the client's connection is encrypted. */
  readonly tls?: ClientTls;
  /** Where the client has logged in. */
  readonly auth?: ClientAuth;
}

/** A message, its envelope, and the client that it comes from. */
export interface ClientMail extends Mail, ClientOptions {}
