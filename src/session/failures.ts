import { warn } from '../common/write-error.js';
import type { AnswerWatch } from './answer-watch.js';
import { allow } from './decisions.js';
import { ProjectError } from './errors.js';
import type { MilterEvent, Reply, StageEvent } from './flow.js';
import type { Failure } from './options.js';
import type { FlowStage } from './stage.js';
import { type TurnOwner, turnOf } from './turn.js';

const CAUSES = new WeakMap<Reply, Error>();

/** Marks a reply as given in place of the filter's; the sink reports why. */
export function markFailed(reply: Reply, cause: Error): Reply {
  CAUSES.set(reply, cause);
  return reply;
}

/** Why the reply was given in place of the filter's, where it was. */
export function causeOf(reply: Reply): Error | undefined {
  return CAUSES.get(reply);
}

/** The failure decision as it is said at a stage: an unknown command cannot be accepted, only passed on. */
export function failureAt(stage: FlowStage, failure: Failure): Failure {
  return stage === 'unknown' && failure.kind === 'accept' ? allow() : failure;
}

/** Reports what went wrong in a filter and cost no answer; without an owner, as in a drawing, by a warning. */
export function tell(error: Error, stage: FlowStage, owner: TurnOwner | undefined): void {
  if (owner === undefined) warn(error);
  else owner.report(stage, error);
}

/** The same for what code of the user's threw about an event. */
export function tellFailure(event: MilterEvent, cause: unknown): void {
  tell(new ProjectError(event.stage, cause), event.stage, turnOf(event)?.owner);
}

/** Makes known that a project which left its event as it was has made an answer. */
export function tellForgotten(watch: AnswerWatch, event: StageEvent, later: boolean): void {
  const error = watch.forgotten(later);
  if (error !== undefined) tell(error, event.stage, turnOf(event)?.owner);
}
