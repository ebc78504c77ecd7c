import type { AuthFacts, Macros, TlsFacts } from './session-info.js';

/** The facts about a connection and its message that an MTA tells in its macros. */
export abstract class SessionFacts {
  abstract readonly macros: Macros;

  get queueId(): string | undefined {
    return valueOf(this.macros, 'i');
  }

  get auth(): AuthFacts | undefined {
    return authOf(this.macros);
  }

  get tls(): TlsFacts | undefined {
    return tlsOf(this.macros);
  }
}

/** The value of a macro that MTAs leave empty where there is nothing to say. */
export function valueOf(macros: Macros, name: string): string | undefined {
  const value = macros.get(name);
  return value === '' ? undefined : value;
}

/** The login. Some MTAs send its macro without one, too: a blank value is no user. */
export function authOf(macros: Macros): AuthFacts | undefined {
  const user = macros.get('auth_authen');
  if (user === undefined || user.trim() === '') return undefined;
  return { user, mechanism: valueOf(macros, 'auth_type'), author: valueOf(macros, 'auth_author') };
}

export function tlsOf(macros: Macros): TlsFacts | undefined {
  const version = valueOf(macros, 'tls_version');
  if (version === undefined) return undefined;
  return {
    version,
    cipher: valueOf(macros, 'cipher') ?? '',
    bits: Number(valueOf(macros, 'cipher_bits') ?? 0),
    verify: valueOf(macros, 'verify'),
    subject: valueOf(macros, 'cert_subject'),
    issuer: valueOf(macros, 'cert_issuer'),
    sni: valueOf(macros, 'tls_sni'),
  };
}
