import { isA } from '../../common/text-of.js';
import { type Site, located } from '../../session/answer-place.js';
import { tempfail } from '../../session/decisions.js';
import { AnswerError, ProjectError } from '../../session/errors.js';
import { failureAt, markFailed } from '../../session/failures.js';
import type { Reply, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';

/**
 * The reply to an event whose filter failed: the failure decision, with the cause for the one who reports it.
 *
 * @param site the operator's call, for an answer that may not be given
 */
export function failedEvent(event: StageEvent, thrown: unknown, site?: Site): Reply {
  const cause = located(thrown, site);
  const error = isA(cause, AnswerError) ? cause : new ProjectError(event.stage, cause);
  const decision = failureAt(event.stage, turnOf(event)?.owner.failure ?? tempfail());
  return markFailed({ stage: 'reply', to: event, decision, modifications: [] }, error);
}
