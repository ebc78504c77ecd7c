import type { OptnegFields } from '../../transport/wire/layouts.js';

/**
 * Who sees to the blank between the colon of a header and its value: the MTA takes it away and adds it again; it is
 * kept, and what a filter writes begins with it; or the MTA does the former, and here it is made to look like the latter.
 */
export type Blank = 'hidden' | 'kept' | 'made';

/** What both ends have agreed to. */
export interface Agreement {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
  readonly answer: OptnegFields;
  /** The stages to hand to the filter. */
  readonly wanted: number;
  /** The stages whose answer the filter gives. */
  readonly decides: number;
  /** How many filters read the body. */
  readonly readers: number;
  /** The stages at which nothing may be sent. */
  readonly quiet: number;
  readonly blank: Blank;
  /** The most data bytes that a frame may have, in both directions. */
  readonly maxData: number;
  /** Whether the MTA knows INSHEADER: Sendmail does since 8.13, which offered QUARANTINE at the same time. */
  readonly inserts: boolean;
  /** See `SessionOptions`. */
  readonly sendmailHeaders: number;
}

/** Before the negotiation. */
export const NOTHING_AGREED: Agreement = Object.freeze({
  version: 0,
  actions: 0,
  protocol: 0,
  answer: { version: 0, actions: 0, protocol: 0, lists: [] },
  wanted: 0,
  decides: 0,
  readers: 0,
  quiet: 0,
  blank: 'hidden',
  maxData: 0,
  inserts: false,
  sendmailHeaders: 0,
});
