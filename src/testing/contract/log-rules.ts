import { AnswerError, ForgottenAnswerError, ProjectError } from '../../session/errors.js';
import type { MilterEvent } from '../../session/flow.js';
import { describeEvent, describeModification, describeValue } from '../describe-value.js';
import { ContractError, type ContractRule } from './contract-error.js';
import { eventOf, isSame, type Conversation } from './converse.js';

/**
 * Finds events that came out and had not gone in.
 *
 * @throws ContractError
 */
export function checkIdentity({ watch }: Conversation): void {
  const known: MilterEvent[] = [];
  for (const { way, flow } of watch.log) {
    if (way === 'in') {
      known.push(flow);
      continue;
    }
    const event = eventOf(flow);
    const original = known.filter((one) => isSame(one, event)).at(-1);
    if (original === event) continue;
    if (original === undefined) {
      const name = flow.stage === 'reply' ? 'a reply to it' : describeValue(flow);
      throw new ContractError(
        'identity',
        describeEvent(event),
        `${name} came out, and no such event went in.`,
      );
    }
    const changed = changedFields(original, event);
    if (original.stage === 'eom' && changed.every((field) => field === 'modifications')) continue;
    const what =
      changed.length === 0 ? 'a copy came out.' : `a copy came out, with other ${changed.join(', ')}.`;
    throw new ContractError('identity', describeEvent(original), what);
  }
}

function changedFields(original: object, copy: object): string[] {
  const [left, right] = [original, copy] as Readonly<Record<string, unknown>>[];
  const fields = new Set([...Object.keys(original), ...Object.keys(copy)]);
  return [...fields].filter((field) => left?.[field] !== right?.[field]);
}

/**
 * Finds events without one outcome, and a filter that ended before its connection.
 *
 * @throws ContractError
 */
export function checkOneOutcome({ watch }: Conversation): void {
  if (watch.end !== undefined) {
    const { after, how } = watch.end;
    const where = after === undefined ? 'the beginning' : describeEvent(after);
    throw new ContractError('one-outcome', where, `the filter itself ${how}`);
  }
  for (const { way, flow } of watch.log) {
    if (way === 'out') continue;
    const came = watch.cameOf(flow);
    if (came.length === 1) continue;
    const what =
      came.length === 0
        ? 'nothing came of it.'
        : `${came.length} things came of it: ${came.map(describeValue).join('; ')}.`;
    throw new ContractError('one-outcome', describeEvent(flow), what);
  }
}

/**
 * Finds modifications before the end of a message.
 *
 * @throws ContractError
 */
export function checkModifications(conversation: Conversation): void {
  for (const { way, flow } of conversation.watch.log) {
    const event = eventOf(flow);
    const [first] = 'modifications' in flow ? flow.modifications : [];
    if (way === 'in' || event.stage === 'eom' || first === undefined) continue;
    const what = `what came of it has on it: ${describeModification(first)}.`;
    throw new ContractError('modifications', describeEvent(event), what);
  }
  checkErrors('modifications', conversation);
}

/**
 * Finds errors that break a rule.
 *
 * @throws ContractError
 */
export function checkErrors(
  rule: 'modifications' | 'no-errors' | 'returned',
  { outcomes }: Conversation,
): void {
  for (const { stage, error } of outcomes) {
    if (error !== undefined && ruleOf(error) === rule) {
      throw new ContractError(rule, stage, error.message, { cause: error });
    }
  }
}

/** The rule that an error breaks: events that failed, and answers that are not legal, are of several. */
function ruleOf(error: Error): ContractRule | undefined {
  if (error instanceof ForgottenAnswerError) return 'returned';
  if (error instanceof AnswerError && error.message.includes('only at eom')) return 'modifications';
  return error instanceof ProjectError || error instanceof AnswerError ? 'no-errors' : undefined;
}
