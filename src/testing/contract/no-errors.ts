import { AnswerError, ForgottenAnswerError, ProjectError } from '../../session/errors.js';
import { ContractError } from './contract-error.js';
import type { Conversation } from './converse.js';
import { isAboutPlace } from './modifications.js';

const RULE =
  'a filter deals with every event that it may get: null senders, empty bodies, unknown commands, bytes that are no UTF-8. What it throws costs a message the failure decision.';

/**
 * Finds events at which the filter failed, or gave an answer that may not be given.
 *
 * @throws ContractError
 */
export function checkNoErrors({ outcomes }: Conversation): void {
  for (const { stage, error } of outcomes) {
    // A rule of its own.
    if (error instanceof ForgottenAnswerError) continue;
    const failed = error instanceof ProjectError || (error instanceof AnswerError && !isAboutPlace(error));
    if (failed) throw new ContractError('no-errors', stage, error.message, RULE, { cause: error });
  }
}
