import type { Reject } from '../decisions.js';

/** The stages for which macros can be asked for at negotiation. */
export type MacroStage = 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'eoh' | 'eom';

/** Names of macros by stage, in the form that the MTA uses: `i`, `{auth_authen}`. */
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
