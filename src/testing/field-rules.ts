import {
  type Rule,
  type Rules,
  anything,
  boolean,
  having,
  list,
  listOf,
  object,
  oneOf,
  record,
  rule,
  string,
  text,
  whole,
} from '../common/options.js';
import { CONNECT_RULES } from '../mta/simulate/mail.js';
import type {
  Body,
  Connect,
  Eom,
  Header,
  Helo,
  Mail,
  MilterEvent,
  Rcpt,
  Rejection,
  Unknown,
} from '../session/flow.js';
import type { Client, SessionInfo } from '../session/session-info.js';
import { SMFIF, SMFIP } from '../transport/wire/flags.js';
import type { SessionFields } from './session.js';

/** The fields of an event; also its stage, which the fields of another event bring along. */
type FieldRules<E extends MilterEvent> = Rules<Omit<E, 'stage'>> & { readonly stage: Rule };

const strings = record({ ...string, expected: 'strings' });
/** Also those of a session that is one already. */
const macros: Rule = {
  ...strings,
  check: (value) => (having('', 'get', 'all').check(value) === 'right' ? 'right' : strings.check(value)),
};

const session: Rule = rule('what session() makes', isSession);

function stageOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'stage' in value ? value.stage : undefined;
}

function isSession(value: unknown): value is SessionInfo {
  return typeof value === 'object' && value !== null && 'macros' in value && 'client' in value;
}

/** The fields that any event has. */
export function anyEvent(stage: MilterEvent['stage']): FieldRules<MilterEvent> {
  return { stage: oneOf(stage), session };
}

const ENVELOPE = { address: string, args: list(string), params: strings, raw: text };
const { host, family, port, address } = CONNECT_RULES;
const CLIENT: Rules<Client> = { host, family, port, address };

export const BODY_FIELDS: FieldRules<Body> = { ...anyEvent('body'), chunk: text };
export const CONNECT_FIELDS: FieldRules<Connect> = { ...anyEvent('connect'), ...CLIENT, raw: text };
export const EOM_FIELDS: FieldRules<Eom> = { ...anyEvent('eom'), modifications: list(anything) };
export const HEADER_FIELDS: FieldRules<Header> = {
  ...anyEvent('header'),
  name: string,
  value: string,
  raw: text,
};
export const HELO_FIELDS: FieldRules<Helo> = { ...anyEvent('helo'), name: string, raw: text };
export const MAIL_FIELDS: FieldRules<Mail> = { ...anyEvent('mail'), ...ENVELOPE };
export const RCPT_FIELDS: FieldRules<Rcpt> = {
  ...anyEvent('rcpt'),
  ...ENVELOPE,
  mail: rule('what mail() makes', (value) => stageOf(value) === 'mail'),
  rejected: object<Rejection>({ status: string, text: string }),
};
export const UNKNOWN_FIELDS: FieldRules<Unknown> = { ...anyEvent('unknown'), command: string, raw: text };

/** What can be said about a made-up connection. */
export const SESSION_FIELDS: Rules<SessionFields> = {
  id: string,
  helo: string,
  version: whole(0),
  rights: listOf(...Object.keys(SMFIF)),
  protocol: listOf(...Object.keys(SMFIP)),
  leadingSpace: boolean,
  mta: oneOf('postfix', 'sendmail', 'unknown'),
  client: object(CLIENT),
  macros,
};
