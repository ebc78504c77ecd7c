import {
  anything,
  boolean,
  func,
  milliseconds,
  number,
  object,
  oneOf,
  or,
  required,
  signal,
  string,
  whole,
  type Rules,
} from '../../common/options.js';
import { SESSION_RULES } from '../../session/options.js';
import type { Offer } from '../client/agreement.js';
import type { FilterEndOptions } from '../client/filter-end.js';
import type { MtaConnectionOptions, MtaLimits, MtaTimeouts } from '../client/mta-connection-options.js';
import type { DeliveriesOptions } from './deliveries.js';
import { CLIENT_RULES, macroValues } from './mail-rules.js';
import type { MtaSessionOptions } from './mta-session.js';

const BITS = 0xffffffff;

const OFFER: Rules<Offer> = { version: whole(2, 6), actions: whole(0, BITS), protocol: whole(0, BITS) };
/** What an MTA offers, or a part of it. */
export const offerRule = object(OFFER);

const TIMEOUTS: Rules<MtaTimeouts> = {
  connect: milliseconds(0),
  command: milliseconds(0),
  content: milliseconds(0),
  eom: milliseconds(0),
  close: milliseconds(0),
};
const LIMITS: Rules<MtaLimits> = {
  replyBytes: or(whole(1), Infinity),
  modifications: or(whole(0), Infinity),
  modificationBytes: or(whole(0), Infinity),
};

/** What can be set for a filter that is run without a socket. */
export const FILTER_END_RULES: Rules<FilterEndOptions> = {
  session: object(SESSION_RULES),
  chunks: or(object({ seed: required(number(-Infinity)) }), 'whole', 'bytes'),
  outcome: func,
};

/** What can be set for a connection to a milter. */
export const CONNECTION_RULES: Rules<MtaConnectionOptions> = {
  ...FILTER_END_RULES,
  mta: oneOf('postfix', 'sendmail'),
  signal,
  offer: offerRule,
  timeouts: object(TIMEOUTS),
  limits: object(LIMITS),
  patience: milliseconds(0),
  transcript: boolean,
};

/** What can be set for an SMTP session. */
export const MTA_SESSION_RULES: Rules<MtaSessionOptions> = {
  ...CONNECTION_RULES,
  ...CLIENT_RULES,
  to: required(
    anything,
    "Say where the milter listens, such as { to: 'inet:8891@127.0.0.1' }, or give a filter.",
  ),
  hostname: string,
  macros: macroValues,
  onFailure: oneOf('tempfail', 'reject', 'shutdown', 'accept', 'quarantine'),
};

/** What can be set for many mails. */
export const DELIVERIES_RULES: Rules<DeliveriesOptions> = { ...MTA_SESSION_RULES, concurrency: whole(1) };
