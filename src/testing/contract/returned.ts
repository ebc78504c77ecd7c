import { reportEach } from '../../session/answer-watch.js';
import { ForgottenAnswerError } from '../../session/errors.js';
import { ContractError } from './contract-error.js';
import type { Conversation } from './converse.js';

const RULE =
  'a project returns the decisions and edits that it makes; what it only makes reaches no mail server, and the mail passes.';

/**
 * Finds answers that a project has made and not returned.
 *
 * @param talk has a conversation with the filter
 * @throws ContractError
 */
export async function checkReturned(talk: () => Promise<Conversation>): Promise<void> {
  const stop = reportEach();
  try {
    const { outcomes } = await talk();
    for (const { stage, error } of outcomes) {
      if (error instanceof ForgottenAnswerError)
        throw new ContractError('returned', stage, error.message, RULE, { cause: error });
    }
  } finally {
    stop();
  }
}
