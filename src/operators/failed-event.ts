import { isA } from '../common/text-of.js';
import { AnswerError } from '../session/answer-error.js';
import { located, type Site } from '../session/answer-place.js';
import { tempfail } from '../session/decisions/tempfail.js';
import { markFailed } from '../session/failed-reply.js';
import { failureAt } from '../session/failure-at.js';
import type { Reply, StageEvent } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import { turnOf } from '../session/turn.js';

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
