import type { AnswerWatch } from '../session/answer-watch.js';
import type { StageEvent } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import type { FlowStage } from '../session/stage.js';
import { turnOf, type TurnOwner } from '../session/turn.js';

/**
 * Runs what ends somebody else's work: an unsubscription, with whatever teardown hangs on it. A teardown that throws
 * must not take the connection with it, since it would do so in the middle of somebody else's turn; it is told instead.
 *
 * @param owner who is told; without one it is a warning of the process
 */
export function letGo(end: () => void, stage: FlowStage, owner?: TurnOwner): void {
  try {
    end();
  } catch (error) {
    tell(new ProjectError(stage, error), stage, owner);
  }
}

/** Makes known what went wrong in a filter and cost no answer. */
export function tell(error: Error, stage: FlowStage, owner: TurnOwner | undefined): void {
  if (owner === undefined) process.emitWarning(error);
  else owner.report(stage, error);
}

/** Makes known that a project which left its event as it was has made an answer for it. */
export function tellForgotten(watch: AnswerWatch, event: StageEvent, later: boolean): void {
  const error = watch.forgotten(later);
  if (error !== undefined) tell(error, event.stage, turnOf(event)?.owner);
}
