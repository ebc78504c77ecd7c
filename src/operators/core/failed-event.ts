import { isA } from '../../common/text-of.js';
import { type Site, located } from '../../session/answer-watch.js';
import { tempfail } from '../../session/decisions.js';
import { AnswerError, ProjectError } from '../../session/errors.js';
import { causeOf, failureAt, markFailed } from '../../session/failures.js';
import type { Flow, Reply, StageEvent } from '../../session/flow.js';
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

/** Whether an earlier filter has had the last word: on the message, or where it is about a recipient, on that one. */
export function isFinal(flow: Flow): boolean {
  return flow.stage === 'reply' && flow.decision.kind !== 'allow' && flow.decision.kind !== 'skip';
}

/** Whether it says that a message does not pass: then nothing else about it matters, and it need not be read on. */
export function isRefusal(flow: Flow): flow is Reply {
  if (flow.stage !== 'reply') return false;
  const { kind } = flow.decision;
  return kind === 'reject' || kind === 'tempfail' || kind === 'discard';
}

/** The same reply to another event, with what had gone wrong where something had. */
export function replyTo(to: StageEvent, reply: Reply, modifications = reply.modifications): Reply {
  const copy: Reply = { stage: 'reply', to, decision: reply.decision, modifications };
  const cause = causeOf(reply);
  return cause === undefined ? copy : markFailed(copy, cause);
}
