import type { Flow, MilterEvent } from '../../session/flow.js';
import { describeEvent, describeValue } from '../describe-value.js';
import { ContractError } from './contract-error.js';
import type { Conversation } from './converse.js';
import { eventOf, isSame } from './watch.js';

const RULE =
  'an event that is not decided travels on as the object that it came as; only eom may become a copy with more modifications.';

/**
 * Finds what came out as an event and is none that went in.
 *
 * @throws ContractError
 */
export function checkIdentity({ log }: Conversation): void {
  const known: MilterEvent[] = [];
  for (const entry of log) {
    if (entry.way === 'in') known.push(entry.flow);
    if (entry.way !== 'out') continue;
    const event = eventOf(entry.flow);
    const original = known.filter((one) => isSame(one, event)).at(-1);
    if (original === event) continue;
    if (original === undefined) {
      throw new ContractError(
        'identity',
        describeEvent(event),
        `${name(entry.flow)} came out, and no such event went in.`,
        RULE,
      );
    }
    const changed = changedFields(original, event);
    if (original.stage === 'eom' && changed.every((field) => field === 'modifications')) continue;
    const what =
      changed.length === 0 ? 'a copy came out.' : `a copy came out, with other ${changed.join(', ')}.`;
    throw new ContractError('identity', describeEvent(original), what, RULE);
  }
}

function name(flow: Flow): string {
  return flow.stage === 'reply' ? 'a reply to it' : describeValue(flow);
}

function changedFields(original: object, copy: object): string[] {
  const [left, right] = [original, copy] as Readonly<Record<string, unknown>>[];
  const fields = new Set([...Object.keys(original), ...Object.keys(copy)]);
  return [...fields].filter((field) => left?.[field] !== right?.[field]);
}
