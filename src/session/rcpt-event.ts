import type { StringsFields } from '../transport/layouts/strings.js';
import { SMFIP } from '../transport/smfip.js';
import type { SessionState } from './connection/session-state.js';
import { envelope } from './envelope.js';
import type { Mail, Rcpt, Rejection } from './flow.js';
import { TURN, type Turn, type Turned } from './turn.js';

/** What Sendmail has before the words: `550 5.1.1 User unknown`. */
const CODES = /^(?:[45]\d\d(?:[ -]|$))?(?:([45]\.\d{1,3}\.\d{1,3})(?: |$))?/;

const STATUS = /^[45]\.\d{1,3}\.\d{1,3}$/;

/** The event of a RCPT; where the MTA has rejected the recipient by itself its turn is overruled. */
export function rcptEvent(
  session: SessionState,
  fields: StringsFields,
  mail: Mail,
  turn: Turn,
): Rcpt & Turned {
  const { address, args, params, raw } = envelope(fields);
  const rcpt = { stage: 'rcpt', session, address, args, params, raw, mail, [TURN]: turn } as const;
  const rejected = rejectionIn(session);
  if (rejected === undefined) return rcpt;
  turn.overruled = true;
  return { ...rcpt, rejected };
}

/**
 * What the MTA has said to the recipient whose RCPT begins: the mailer of a rejected one is called `error`, and has the
 * status for its host and the text for its user (Sendmail's way, which Postfix follows, without a code in the text).
 *
 * Sendmail 8.18 may have neither status nor text, and a piece of the address for the user: what has no code in front
 * there is no text.
 */
function rejectionIn(session: SessionState): Rejection | undefined {
  const { agreement, macros } = session;
  if ((agreement.protocol & SMFIP.RCPT_REJ) === 0 || macros.get('rcpt_mailer') !== 'error') return undefined;
  const given = macros.get('rcpt_addr') ?? '';
  const host = macros.get('rcpt_host') ?? '';
  const [codes = '', enhanced = ''] = CODES.exec(given) ?? [];
  const status = STATUS.test(host) ? host : enhanced;
  const isText = codes !== '' || (status !== '' && session.mta !== 'sendmail');
  return { status, text: isText ? given.slice(codes.length) : '' };
}
