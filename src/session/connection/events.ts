import { SMFIP } from '../../transport/wire/flags.js';
import type { PairFields, StringsFields } from '../../transport/wire/layouts.js';
import type { Header, Mail, Rcpt, Rejection } from '../flow.js';
import { TURN, type Turn, type Turned } from '../turn.js';
import type { SessionState } from './session-state.js';

/** What MAIL and RCPT have in common. */
export interface EnvelopeFields {
  readonly address: string;
  readonly args: readonly string[];
  readonly params: Readonly<Record<string, string>>;
  readonly raw: Uint8Array;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const NO_BYTES = new Uint8Array(0);

/** Reads an address and its ESMTP arguments the way events have them: without brackets, arguments also by name. */
export function envelope({ address, args, raw }: StringsFields): EnvelopeFields {
  const bracketed = address.startsWith('<') && address.endsWith('>');
  return {
    address: bracketed ? address.slice(1, -1) : address,
    args,
    params: args.length === 0 ? NO_PARAMS : paramsOf(args),
    raw: raw ?? NO_BYTES,
  };
}

function paramsOf(args: readonly string[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const arg of args) {
    const equals = arg.indexOf('=');
    if (equals === -1) params[arg.toUpperCase()] = '';
    else params[arg.slice(0, equals).toUpperCase()] = arg.slice(equals + 1);
  }
  return params;
}

const NOTHING = Buffer.alloc(0);
const BLANK = Buffer.from(' ');

/** The event of a HEADER, with the blank that the MTA took away where it is to look as if it had not. */
export function headerEvent(session: SessionState, fields: PairFields, turn: Turn): Header & Turned {
  const { name, value, raw = NOTHING } = fields;
  if (session.agreement.blank !== 'made') return { stage: 'header', session, name, value, raw, [TURN]: turn };
  return {
    stage: 'header',
    session,
    name,
    value: ` ${value}`,
    raw: Buffer.concat([BLANK, raw]),
    [TURN]: turn,
  };
}

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
  const isText = codes !== '' || (status !== '' && !session.profile.codesRejections);
  return { status, text: isText ? given.slice(codes.length) : '' };
}
