import type { MacroStore } from '../connection/macro-store.js';

/** The MTAs that are told apart. */
export type MtaName = 'postfix' | 'sendmail' | 'unknown';

/** Macros of the interface that the client came in by: Sendmail has them, and never without `_`. */
const INTERFACE = ['{if_addr}', '{if_name}'];
/** Other macros that Sendmail sends by itself and Postfix does not have. */
const SENDMAIL_ALONE = ['{auth_ssf}', '{msg_id}'];
/** What `$v` looks like in Sendmail (`8.17.1.9`, `8.18.2/Submit`). */
const SENDMAIL_VERSION = /^8\.\d+\.\d+/;

/**
 * Judges by what it has told so far which MTA it is.
 *
 * `v`, which Postfix sends at CONNECT, says it outright; an MTA that calls itself something else is unknown. Without it
 * there are habits: Sendmail names the interface that the client came in by, puts a dot behind the host that a mailer
 * delivers to, and writes `IPv6:` before addresses; and Postfix alone sends macros for HEADER and BODY, too.
 *
 * A program that took some of Sendmail's macros over (maddy, others in Go) leaves out `_`, or the braces, or both. The
 * host name of CONNECT says nothing: with some it is what the client greeted with.
 *
 * @param prefixed whether the address of the client was written with `IPv6:` before it
 */
export function judgeMta(macros: MacroStore, prefixed: boolean): MtaName {
  const version = macros.get('v');
  if (version !== undefined) {
    if (/postfix/i.test(version)) return 'postfix';
    return SENDMAIL_VERSION.test(version) ? 'sendmail' : 'unknown';
  }
  const sent = (name: string): boolean => macros.getAsSent(name) !== undefined;
  if (prefixed || SENDMAIL_ALONE.some(sent) || (INTERFACE.some(sent) && macros.get('_') !== undefined)) {
    return 'sendmail';
  }
  const next = macros.getAsSent('{rcpt_host}') ?? macros.getAsSent('{mail_host}') ?? '';
  if (/[^.]\.$/.test(next)) return 'sendmail';
  return macros.forContent ? 'postfix' : 'unknown';
}
