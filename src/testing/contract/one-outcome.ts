import { messageOf } from '../../common/text-of.js';
import type { Flow } from '../../session/flow.js';
import { describeEvent, describeValue } from '../describe-value.js';
import { ContractError } from './contract-error.js';
import type { Conversation } from './converse.js';
import { eventOf, isSame } from './watch.js';

const RULE =
  'of each event comes one thing, in time: itself, or the reply to it. What is not decided is passed on, abort and close included; what filter, debounceTime and their like swallow nobody answers.';

/**
 * Finds events of which nothing came, or more than one thing, and a filter that ended before its connection.
 *
 * @throws ContractError
 */
export function checkOneOutcome({ log }: Conversation): void {
  const closed = log.findIndex((entry) => entry.way === 'in' && entry.flow.stage === 'close');
  const end = log.findIndex((entry) => entry.way === 'end');
  if (end !== -1 && (closed === -1 || end < closed)) {
    const entry = log[end];
    const last = log
      .slice(0, end)
      .filter((one) => one.way === 'in')
      .at(-1);
    const how =
      entry?.way === 'end' && entry.how === 'failed' ? `failed: ${messageOf(entry.error)}` : 'completed.';
    const where = last === undefined ? 'the beginning' : describeEvent(last.flow);
    throw new ContractError(
      'one-outcome',
      where,
      `the filter itself ${how}`,
      `${RULE} A filter does not end before its source.`,
    );
  }
  for (const entry of log) {
    if (entry.way !== 'in') continue;
    const event = entry.flow;
    const came: Flow[] = log.flatMap((one) =>
      one.way === 'out' && isSame(eventOf(one.flow), event) ? [one.flow] : [],
    );
    if (came.length === 1) continue;
    const what =
      came.length === 0
        ? 'nothing came of it.'
        : `${came.length} things came of it: ${came.map(describeValue).join('; ')}.`;
    throw new ContractError('one-outcome', describeEvent(event), what, RULE);
  }
}
