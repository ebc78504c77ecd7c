import { AnswerError } from '../../session/errors.js';
import { describeEvent, describeModification } from '../describe-value.js';
import { ContractError } from './contract-error.js';
import type { Conversation } from './converse.js';
import { eventOf } from './watch.js';

const RULE =
  'a message can be changed only at eom. Remember what there is to change (in perMessage), and return it there.';

/**
 * Finds modifications anywhere but at the end of a message.
 *
 * @throws ContractError
 */
export function checkModifications({ log, outcomes }: Conversation): void {
  for (const entry of log) {
    if (entry.way !== 'out') continue;
    const event = eventOf(entry.flow);
    const [first] = 'modifications' in entry.flow ? entry.flow.modifications : [];
    if (event.stage === 'eom' || first === undefined) continue;
    throw new ContractError(
      'modifications',
      describeEvent(event),
      `what came of it has on it: ${describeModification(first)}.`,
      RULE,
    );
  }
  for (const { stage, error } of outcomes) {
    if (!(error instanceof AnswerError) || !isAboutPlace(error)) continue;
    throw new ContractError('modifications', stage, error.message, RULE, { cause: error });
  }
}

/** Whether an answer was refused because it changes something where there is nothing to change. */
export function isAboutPlace({ message }: AnswerError): boolean {
  return message.includes('only at eom');
}
