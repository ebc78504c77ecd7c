import { checkDecision } from '../session/decisions.js';
import { causeOf, failureAt } from '../session/failures.js';
import type { Reply, StageEvent } from '../session/flow.js';
import type { Difference } from './difference.js';
import { passes } from './same-answer.js';
import type { Look } from './shadow-look.js';
import { NO_ANSWER } from './shadow-report.js';

/** What the MTA would have been told, by what a filter in the shadow has let out. */
export function wouldBe(flow: StageEvent | Reply, look: Look): Difference['would'] {
  if (flow.stage === 'eom')
    return { decision: undefined, modifications: flow.modifications, error: undefined };
  if (flow.stage !== 'reply') return { ...NO_ANSWER, error: undefined };
  const { decision, modifications } = flow;
  try {
    checkDecision(decision, look.event.stage);
  } catch (error) {
    return failedAt(look, error as Error);
  }
  // What has failed before it is not its fault.
  const error = flow === look.copy ? undefined : causeOf(flow);
  return { decision, modifications: passes(decision) ? modifications : [], error };
}

/** The same where the filter has failed. */
export function failedAt({ event: { stage }, turn }: Look, error: Error): Difference['would'] {
  return { decision: failureAt(stage, turn.owner.failure), modifications: [], error };
}
