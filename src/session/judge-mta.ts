import type { MacroStore } from './macro-store.js';

/** The MTAs that are told apart. */
export type MtaName = 'postfix' | 'sendmail' | 'unknown';

/** Macros that Sendmail sends by itself and Postfix does not have. */
const SENDMAIL_ALONE = ['if_addr', 'if_name', 'auth_ssf', 'msg_id'];
/** What `$v` looks like in Sendmail (`8.17.1.9`, `8.18.2/Submit`). */
const SENDMAIL_VERSION = /^8\.\d+\.\d+/;

/**
 * Judges by what it has told so far which MTA it is.
 *
 * `v`, which Postfix sends at CONNECT, says it outright; an MTA that calls itself something else is unknown. Without it
 * there are habits: Sendmail names the interface that the client came in by, puts a dot behind the host that a mailer
 * delivers to, and writes `IPv6:` before addresses; and Postfix alone sends macros for HEADER and BODY, too.
 *
 * @param host the client's name as it came with CONNECT
 */
export function judgeMta(macros: MacroStore, host: string): MtaName {
  const version = macros.get('v');
  if (version !== undefined) {
    if (/postfix/i.test(version)) return 'postfix';
    return SENDMAIL_VERSION.test(version) ? 'sendmail' : 'unknown';
  }
  if (SENDMAIL_ALONE.some((name) => macros.get(name) !== undefined) || host.startsWith('[IPv6:'))
    return 'sendmail';
  const next = macros.get('rcpt_host') ?? macros.get('mail_host') ?? '';
  if (/[^.]\.$/.test(next)) return 'sendmail';
  return macros.forContent ? 'postfix' : 'unknown';
}
