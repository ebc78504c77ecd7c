import type { Decision } from './decisions.js';
import { AnswerError } from './errors.js';

/**
 * What is wrong with a decision about a recipient that the MTA has refused: for that recipient none makes a difference,
 * but the MTA would take these for the whole message.
 */
export function mootError({ kind }: Decision): AnswerError | undefined {
  if (kind !== 'accept' && kind !== 'discard') return undefined;
  return new AnswerError(
    `${kind}() about a recipient that the MTA has rejected would concern the whole message; the MTA was told to go on. ` +
      'Look at event.rejected first.',
  );
}
