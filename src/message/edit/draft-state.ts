import { AnswerError } from '../../session/errors.js';

/** What the parts of a draft share: whether the edit of it is made, so that a change would be lost. */
export interface DraftState {
  closed: boolean;
  /** The first value that was mended. */
  flaw?: AnswerError;
}

/** @throws AnswerError where the edit of the draft is made already */
export function checkOpen({ closed }: DraftState): void {
  if (!closed) return;
  throw new AnswerError(
    'draft: it was changed after its function had ended, and the change is lost. Wait for it there: await …',
  );
}
