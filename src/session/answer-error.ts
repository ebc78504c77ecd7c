/**
 * An answer that may not be given: a decision that its stage does not have, a modification outside `eom` or without the
 * right for it, a reply or a header that would break SMTP or the message.
 *
 * The event gets the failure decision instead, and nothing of the answer is written. The message ends with `place`.
 */
export class AnswerError extends Error {
  override readonly name: string = 'AnswerError';
  /**
   * Where in the user's own code the answer was made, as `filter.mjs:3:7`, or else where the filter was that gave it;
   * `undefined` where neither is known.
   */
  readonly place: string | undefined = undefined;
}

/**
 * An answer that a project has made and not returned, `reject('No')` for `return reject('No')`; `stack` begins with the
 * line that made it. It costs nothing but what it was made for: the event travelled on. Reported once for each filter.
 */
export class ForgottenAnswerError extends AnswerError {
  override readonly name = 'ForgottenAnswerError';
}
