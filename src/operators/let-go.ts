import { ProjectError } from '../session/project-error.js';
import type { FlowStage } from '../session/stage.js';
import { tell } from '../session/tell.js';
import type { TurnOwner } from '../session/turn.js';

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
