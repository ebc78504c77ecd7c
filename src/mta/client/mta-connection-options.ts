import type { Offer } from './agreement.js';
import type { FilterEndOptions } from './filter-end.js';
import type { MtaKind } from './mta-kind.js';

/** How long an MTA waits, in milliseconds. */
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
}

/** What an MTA takes from a milter before it gives it up. */
export interface MtaLimits {
  /** Data bytes of one reply. 1 MiB. */
  readonly replyBytes?: number;
  /** Modifications of one message, and signs of life before its final reply. 10 000 of each. */
  readonly modifications?: number;
  /** Bytes of all the modifications of one message. 256 MiB. */
  readonly modificationBytes?: number;
}

/** How an MTA talks to a milter; `session`, `chunks` and `outcome` are for a filter that is run without a socket. */
export interface MtaConnectionOptions extends FilterEndOptions {
  /** Whose macros, words and habits these are, and who counts the headers. `postfix` by default. */
  readonly mta?: MtaKind | undefined;
  /** Ends the connection at once, whatever it is about; what goes on then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What is offered: everything of version 6 by default, and of an older version what MTAs offer with that. */
  readonly offer?: Partial<Offer>;
  readonly timeouts?: MtaTimeouts;
  readonly limits?: MtaLimits;
  /** How long to listen after an event that wants no reply whether one comes all the same, in milliseconds. Not at all by default. */
  readonly patience?: number;
  /**
   * Whether everything that is said is kept, bodies included, until the connection is let go. Not by default: an
   * `MtaConnection` has no transcript then, and an `MtaSession` that of its last message.
   */
  readonly transcript?: boolean | undefined;
}

/** Postfix's timeouts, and what it has none for. */
export const DEFAULT_TIMEOUTS: Required<MtaTimeouts> = {
  connect: 30_000,
  command: 30_000,
  content: 300_000,
  eom: 600_000,
  close: 1000,
};

/** Limits that no honest milter meets. */
export const DEFAULT_LIMITS: Required<MtaLimits> = {
  replyBytes: 1024 * 1024,
  modifications: 10_000,
  modificationBytes: 256 * 1024 * 1024,
};
