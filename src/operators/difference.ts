import type { Decision } from '../session/decisions.js';
import type { MilterEvent } from '../session/flow.js';
import type { Modification } from '../session/modifications.js';
import type { SessionInfo } from '../session/session-info.js';

/** Where a filter in the shadow would have answered otherwise than the MTA was told, or failed. */
export interface Difference {
  /** What was known of the connection at the event; it stays as it is. */
  readonly session: SessionInfo;
  /** The event, with the same `session`. */
  readonly event: MilterEvent;
  /** What the MTA would have been told. */
  readonly would: {
    /** `undefined` where the event would have travelled on undecided. */
    readonly decision: Decision | undefined;
    /** All that was to be changed, what earlier filters wanted included; empty where the message would not have passed. */
    readonly modifications: readonly Modification[];
    /** Why the filter failed, or was given up. */
    readonly error: Error | undefined;
  };
  /** What it was told. */
  readonly did: {
    /** `undefined` where it did not wait for an answer, or where there is no MTA, as in a drawing. */
    readonly decision: Decision | undefined;
    readonly modifications: readonly Modification[];
  };
}
