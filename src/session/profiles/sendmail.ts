import { OLD_ACTIONS, SMFIM } from '../../transport/wire/flags.js';
import { AUTH, type KnownProfile, type MacroTable, REFERENCE, TLS, USUAL } from './profile.js';

/** Macros of the interface that the client came in by: Sendmail has them, and never without `_`. */
const INTERFACE = ['{if_addr}', '{if_name}'];
/** Other macros that Sendmail sends by itself and Postfix does not have. */
const SENDMAIL_ALONE = ['{auth_ssf}', '{msg_id}'];

/** The macros of a stage for which the milter has asked for none. */
const MACROS: MacroTable = {
  connect: ['j', '_', '{daemon_name}', '{if_name}', '{if_addr}'],
  helo: TLS,
  mail: ['i', ...AUTH, '{auth_ssf}', '{auth_author}', '{mail_mailer}', '{mail_host}', '{mail_addr}'],
  rcpt: ['{rcpt_mailer}', '{rcpt_host}', '{rcpt_addr}'],
  eom: ['{msg_id}'],
};

/**
 * Sendmail. It names the interface that the client came in by, and puts a dot behind the host of a mailer. Programs
 * that took over some of its macros (maddy, others in Go) leave out `_`, or the braces, or both; with some the host
 * name of CONNECT is the name that the client greeted with, and so no sign.
 */
export const SENDMAIL: KnownProfile = {
  ...USUAL,
  ...REFERENCE,
  name: 'sendmail',
  // As `8.17.1.9`, `8.18.2/Submit`.
  version: /^8\.\d+\.\d+/,
  recognises(signs, prefixed) {
    const sent = (name: string): boolean => signs.getAsSent(name) !== undefined;
    if (prefixed || SENDMAIL_ALONE.some(sent)) return true;
    if (INTERFACE.some(sent) && (sent('_') || sent('{_}'))) return true;
    const next = signs.getAsSent('{rcpt_host}') ?? signs.getAsSent('{mail_host}') ?? '';
    return /[^.]\.$/.test(next);
  },
  adds: 'before its name',
  makes: new Set('date from full-name message-id resent-date resent-from resent-message-id'.split(' ')),
  countsConfigured: true,
  keepsName: true,
  // With a second string, empty or not, Sendmail forgets what the client gave with MAIL: BODY, RET, ENVID, AUTH.
  noArguments: [],
  // Version 8.18 may have neither status nor text, and a piece of the address in their place.
  codesRejections: true,
  oldActions: OLD_ACTIONS,
  // Only where the milter has not decided about the message, or has before its content.
  aborts(message) {
    if (message?.asksSender !== true) return false;
    const early = message.decisions.some(
      ({ stage, kind }) =>
        (stage === 'data' && (kind === 'refuse' || kind === 'discard')) ||
        (stage === 'rcpt' && kind === 'discard'),
    );
    return early || !message.decided;
  },
  quitsAlways: true,
  idAtMail: true,
  missingCode: '.0.0',
  readsOneLetter: true,
  // No frame for an empty list or none. It mixes up the lists of `eom` and `eoh`: the former counts only where there is
  // the latter, and the latter alone leaves `eom` without macros.
  macrosFor(stage, lists) {
    if (stage === 'unknown' || stage === 'header' || stage === 'body') return undefined;
    const asked = lists.get(SMFIM[stage]);
    const atEom = lists.has(SMFIM.eoh) ? asked : MACROS.eom;
    const names = stage === 'eom' ? atEom : (asked ?? MACROS[stage]);
    return asked?.length === 0 ? undefined : names;
  },
};
