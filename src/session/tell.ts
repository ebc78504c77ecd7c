import { warn } from '../common/warn.js';
import type { AnswerWatch } from './answer-watch.js';
import type { MilterEvent, StageEvent } from './flow.js';
import { ProjectError } from './project-error.js';
import type { FlowStage } from './stage.js';
import { turnOf, type TurnOwner } from './turn.js';

/**
 * Makes known what went wrong in a filter and cost no answer.
 *
 * @param owner who is told; without one, as in a drawing, it is a warning of the process
 */
export function tell(error: Error, stage: FlowStage, owner: TurnOwner | undefined): void {
  if (owner === undefined) warn(error);
  else owner.report(stage, error);
}

/** The same with what code of the user's threw about an event. */
export function tellFailure(event: MilterEvent, cause: unknown): void {
  tell(new ProjectError(event.stage, cause), event.stage, turnOf(event)?.owner);
}

/** Makes known that a project which left its event as it was has made an answer for it. */
export function tellForgotten(watch: AnswerWatch, event: StageEvent, later: boolean): void {
  const error = watch.forgotten(later);
  if (error !== undefined) tell(error, event.stage, turnOf(event)?.owner);
}
