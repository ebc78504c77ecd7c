import { AnswerError } from '../../session/errors.js';

/** The drafts, and their parts, of which the edit is made: a change would be lost. */
const CLOSED = new WeakSet();

export function closeDrafts(...parts: readonly object[]): void {
  for (const part of parts) CLOSED.add(part);
}

/** @throws AnswerError where the edit of the draft is made already */
export function checkOpen(part: object): void {
  if (!CLOSED.has(part)) return;
  throw new AnswerError(
    'draft: it was changed after its function had ended, and the change is lost. Wait for it there: await …',
  );
}
