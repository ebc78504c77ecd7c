import type { Reject } from '../decisions.js';
import type { UngrantedError } from '../errors.js';

/** A macro's name without its braces. Postfix 3.1 wrote `{j}`, others leave them out of long names. */
export function bareName(name: string): string {
  return name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name;
}

/** A macro's name as MTAs have it: in braces if longer than a letter, which Sendmail would take alone otherwise. */
export function wireName(name: string): string {
  const bare = bareName(name);
  return bare.length === 1 ? bare : `{${bare}}`;
}

/** How much data a frame may have: the usual size, and two that builds of Sendmail and libmilter offer. */
export type MaxDataSize = 65535 | 262143 | 1048575;

/** The size that every MTA takes. */
export const USUAL: MaxDataSize = 65535;
/** The largest size that any MTA offers. */
export const LARGEST: MaxDataSize = 1048575;

export const DATA_SIZES: readonly MaxDataSize[] = [USUAL, 262143, LARGEST];

/** The protocol flags that offer and agree to each (`SMFIP_MDS_*`, not in libmilter's API). */
const BITS: readonly (readonly [bit: number, size: MaxDataSize])[] = [
  [0x20000000, LARGEST],
  [0x10000000, 262143],
];

/** The largest size of an offer that is wanted, and its bit; 0 for the usual one. */
export function agreeOnSize(protocol: number, wanted: MaxDataSize): { bit: number; size: MaxDataSize } {
  const found = BITS.find(([bit, size]) => (protocol & bit) !== 0 && size <= wanted);
  return found === undefined ? { bit: 0, size: USUAL } : { bit: found[0], size: found[1] };
}

/** The stages for which macros can be asked for at negotiation. */
export type MacroStage = 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'eoh' | 'eom';

/** Names of macros by stage: `i`, `{auth_authen}`. */
export type MacroLists = Readonly<Partial<Record<MacroStage, readonly string[]>>>;

/** What an MTA offers at negotiation. */
export interface Offer {
  readonly version: number;
  /** Bits of `SMFIF`. */
  readonly actions: number;
  /** Bits of `SMFIP`. */
  readonly protocol: number;
}

/** What the filter makes of it. Never more than the offer. */
export interface Terms extends Offer {
  readonly macros: MacroLists;
}

/** See `SessionOptions.negotiate`. */
export type NegotiateHook = (offer: Offer, derived: Terms) => Terms | Reject | undefined;

/** See `SessionOptions.ungranted`. */
export type Ungranted = 'refuse' | 'defer' | 'skip';

/** The blank after a header's colon: the MTA takes it away and adds it; it is kept; or it is made here. */
export type Blank = 'hidden' | 'kept' | 'made';

export interface Agreement {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
  /** The frame that says so. */
  readonly answer: Buffer;
  /** The stages to hand to the filter. */
  readonly wanted: number;
  /** The stages whose answer the filter gives. */
  readonly decides: number;
  readonly readers: number;
  /** The stages at which nothing may be sent. */
  readonly quiet: number;
  readonly blank: Blank;
  /** The most data bytes that a frame may have, in both directions. */
  readonly maxData: number;
  /** Whether the MTA knows INSHEADER: Sendmail does since 8.13, which offered QUARANTINE at the same time. */
  readonly inserts: boolean;
  readonly sendmailHeaders: number;
  /** The rights that the MTA offers, asked for or not. */
  readonly offered: number;
  readonly ungranted: Ungranted;
  /** What is known to be wanted and is not granted. */
  readonly lacking: UngrantedError | undefined;
  /** Whether all that comes is refused, for want of a right. */
  readonly refused: boolean;
}

export const NOTHING_AGREED: Agreement = Object.freeze({
  version: 0,
  actions: 0,
  protocol: 0,
  answer: Buffer.alloc(0),
  wanted: 0,
  decides: 0,
  readers: 0,
  quiet: 0,
  blank: 'hidden',
  maxData: 0,
  inserts: false,
  sendmailHeaders: 0,
  offered: 0,
  ungranted: 'defer',
  lacking: undefined,
  refused: false,
});
