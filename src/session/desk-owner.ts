import type { Decision } from './decision.js';
import type { Modification } from './modification.js';
import type { Outcome } from './outcome.js';
import type { SessionState } from './session-state.js';
import type { Turn } from './turn.js';

/** Where a desk tells what has happened. */
export interface DeskOwner {
  readonly info: SessionState;
  /** Whether every answer is wanted as an outcome, or failures only. */
  readonly watched: boolean;
  /** Whether the MTA understands SKIP. */
  readonly canSkip: boolean;
  /** The turn is answered; its connection goes on. */
  settled(turn: Turn, decision: Decision): void;
  /** What became of an event, or what went wrong; see `Outcome`. */
  tell(
    stage: Outcome['stage'],
    decision: Decision | undefined,
    modifications: readonly Modification[],
    elapsed: number,
    error: Error | undefined,
  ): void;
}
