import type { Macros } from '../client/macro-lists.js';
import type { ClientAuth, ClientTls } from './client-security.js';

/** The macros of a recipient that the MTA refuses itself. */
export function refusedMacros(enhanced: string, text: string): Macros {
  return { '{rcpt_mailer}': 'error', '{rcpt_host}': enhanced, '{rcpt_addr}': text };
}

/** The macros of a client that came over TLS. */
export function tlsMacros({ version, cipher, bits, subject, issuer }: ClientTls): Macros {
  return {
    '{tls_version}': version,
    '{cipher}': cipher,
    '{cipher_bits}': String(bits),
    '{cert_subject}': subject,
    '{cert_issuer}': issuer,
  };
}

/** The macros of a client that has logged in. */
export function authMacros({ user, type = 'PLAIN', author }: ClientAuth): Macros {
  return { '{auth_authen}': user, '{auth_type}': type, '{auth_author}': author };
}
