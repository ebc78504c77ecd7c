import type { OperatorFunction } from 'rxjs';

import {
  type Rules,
  boolean,
  milliseconds,
  object,
  oneOf,
  or,
  signal,
  whole,
  withDefaults,
} from '../../common/options.js';
import type { Flow } from '../../session/flow.js';
import type { MtaKind } from '../../session/profiles/profile.js';
import { MTA_KINDS, profileOf } from '../../session/profiles/recognise.js';
import type { EndpointInput } from '../../transport/sockets/endpoint.js';
import { type MtaOffer, offerRule } from './agreement.js';
import { FILTER_END_RULES, type FilterEndOptions } from './filter-end.js';

/** A milter to connect to: its endpoint, or a filter of this process, which needs no socket. */
export type MilterTarget = EndpointInput | OperatorFunction<Flow, Flow>;

/** How long an MTA waits, in milliseconds; the defaults are those of Postfix, and `stalwart` and `maddy` have their own. */
export interface MtaTimeouts {
  /** For the connection. 30 s. */
  readonly connect?: number;
  /** For each reply up to data, the negotiation's included. 30 s. */
  readonly command?: number;
  /** For each reply from the first header on, and from one progress to the next. 300 s. */
  readonly content?: number;
  /** From the end of the message to its final reply, progress or not. 600 s. */
  readonly eom?: number;
  /** For the milter to close its end after quit. 1 s. */
  readonly close?: number;
  /** For a reply that is not due, after each event that wants none. 0. */
  readonly silent?: number;
}

/** Limits beyond which an MTA gives a milter up. */
export interface MtaLimits {
  /** Data bytes of one reply. 1 MiB. */
  readonly replyBytes?: number;
  /** Modifications of one message, and progress replies before its final reply. 10 000 of each. */
  readonly modifications?: number;
  /** Bytes of all the modifications of one message. 256 MiB. */
  readonly modificationBytes?: number;
}

/** How an MTA talks to a milter; those of `FilterEndOptions` are for a filter without a socket. */
export interface MtaConnectionOptions extends FilterEndOptions {
  /** The mail server whose offer, macros, replies and counting of headers are used. Default `postfix`. */
  readonly mta?: MtaKind | undefined;
  /** Ends the connection at once, in any state; a call in progress rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The offer: by default that of the mail server, of version 6; for an older version, what is left of it. */
  readonly offer?: Partial<MtaOffer>;
  readonly timeouts?: MtaTimeouts;
  readonly limits?: MtaLimits;
  /** Whether the whole conversation is kept, bodies included; else an `MtaSession` has that of its last message. */
  readonly transcript?: boolean | undefined;
}

/** Postfix's timeouts, and a time that is long enough where Postfix has none. */
export const DEFAULT_TIMEOUTS: Required<MtaTimeouts> = {
  connect: 30_000,
  command: 30_000,
  content: 300_000,
  eom: 600_000,
  close: 1000,
  silent: 0,
};

/** The timeouts of an MTA: those that are given, its own, and those of Postfix. */
export function timeoutsOf({ mta, timeouts }: MtaConnectionOptions): Required<MtaTimeouts> {
  return withDefaults({ ...DEFAULT_TIMEOUTS, ...profileOf(mta).waits }, timeouts);
}

/** Limits that no honest milter meets. */
export const DEFAULT_LIMITS: Required<MtaLimits> = {
  replyBytes: 1024 * 1024,
  modifications: 10_000,
  modificationBytes: 256 * 1024 * 1024,
};

const time = milliseconds(0);
const count = or(whole(0), Infinity);

export const CONNECTION_RULES: Rules<MtaConnectionOptions> = {
  ...FILTER_END_RULES,
  mta: oneOf(...MTA_KINDS),
  signal,
  offer: offerRule,
  timeouts: object<MtaTimeouts>({
    connect: time,
    command: time,
    content: time,
    eom: time,
    close: time,
    silent: time,
  }),
  limits: object<MtaLimits>({
    replyBytes: or(whole(1), Infinity),
    modifications: count,
    modificationBytes: count,
  }),
  transcript: boolean,
};
