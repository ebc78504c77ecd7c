import { StaleReplyError } from './errors.js';
import type { FlowStage } from './stage.js';
import type { Turn } from './turn.js';

/** What is wrong with a reply that nobody waits for. */
export function staleReply(stage: FlowStage, turn: Turn | undefined): StaleReplyError {
  const why =
    turn === undefined
      ? 'it is to an event that no connection made.'
      : turn.mode === 'silent'
        ? 'the MTA does not wait at this stage. Decide with on(), and let no negotiate hook agree to NR_ there.'
        : 'the event was answered already, its message aborted, or its time up.';
  return new StaleReplyError(stage, why);
}
