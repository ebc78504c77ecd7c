import { SMFIP } from '../../transport/wire/flags.js';
import type { PairFields, StringsFields } from '../../transport/wire/layouts.js';
import { envelopePath, NO_BYTES } from '../envelope-path.js';
import type { Header, Mail, Rcpt, Rejection } from '../flow.js';
import { TURN, type Turn, type Turned } from '../turn.js';
import type { SessionState } from './session-state.js';

const BLANK = Buffer.from(' ');

/** A header with a line feed alone at the ends of its lines, as others send it. */
function withLineFeeds({ name, value, raw = NO_BYTES }: PairFields): PairFields {
  if (!value.includes('\r\n')) return { name, value, raw };
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('latin1');
  return {
    name,
    value: value.replaceAll('\r\n', '\n'),
    raw: Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1'),
  };
}

/** The event of a HEADER, with the blank that the MTA took away where it is to look as if it had not. */
export function headerEvent(session: SessionState, fields: PairFields, turn: Turn): Header & Turned {
  const { name, value, raw = NO_BYTES } = session.profile.lineEnd === '\n' ? fields : withLineFeeds(fields);
  if (session.agreement.blank !== 'made') return { stage: 'header', session, name, value, raw, [TURN]: turn };
  const whole = Buffer.concat([BLANK, raw]);
  return { stage: 'header', session, name, value: ` ${value}`, raw: whole, [TURN]: turn };
}

/** What Sendmail has before the words: `550 5.1.1 User unknown`. */
const CODES = /^(?:[45]\d\d(?:[ -]|$))?(?:([45]\.\d{1,3}\.\d{1,3})(?: |$))?/;

const STATUS = /^[45]\.\d{1,3}\.\d{1,3}$/;

/** The event of a RCPT; its turn is overruled where the MTA has rejected the recipient by itself. */
export function rcptEvent(
  session: SessionState,
  fields: StringsFields,
  mail: Mail,
  turn: Turn,
): Rcpt & Turned {
  const { address, local, domain, mailbox, args, params, raw } = envelopePath(fields);
  const rcpt = {
    stage: 'rcpt',
    session,
    address,
    local,
    domain,
    mailbox,
    args,
    params,
    raw,
    mail,
    [TURN]: turn,
  } as const;
  const rejected = rejectionIn(session);
  if (rejected === undefined) return rcpt;
  turn.overruled = true;
  return { ...rcpt, rejected };
}

/**
 * What the MTA has said to the recipient whose RCPT begins: the mailer of a rejected one is called `error`, and has
 * the status for its host and the text for its user, where Sendmail 8.18 may have a piece of the address instead.
 */
function rejectionIn(session: SessionState): Rejection | undefined {
  const { agreement, macros } = session;
  if ((agreement.protocol & SMFIP.RCPT_REJ) === 0 || macros.get('rcpt_mailer') !== 'error') return undefined;
  const given = macros.get('rcpt_addr') ?? '';
  const host = macros.get('rcpt_host') ?? '';
  const [codes = '', enhanced = ''] = CODES.exec(given) ?? [];
  const status = STATUS.test(host) ? host : enhanced;
  const isText = codes !== '' || (status !== '' && !session.profile.codesRejections);
  return { status, text: isText ? given.slice(codes.length) : '' };
}
