import type { OperatorFunction } from 'rxjs';

import { check } from '../../mta/check/check.js';
import { AnswerError, ForgottenAnswerError, ProjectError } from '../../session/errors.js';
import type { Flow, MilterEvent } from '../../session/flow.js';
import { describeDecision, describeEvent, describeModification, describeValue } from '../describe-value.js';
import { firstDifference } from '../first-difference.js';
import type { StepAnswer } from '../step-answer.js';
import type { ContractRule } from './contract-error.js';
import type { ResolvedContract } from './contract-options.js';
import { converse, eventOf, isSame, type Conversation, type Line, type Speaker } from './converse.js';

/** The event at which a filter breaks a rule, how, and the error that it broke it with. */
export interface Fault extends ErrorOptions {
  readonly where: string;
  readonly what: string;
}

/** Finds an event that came out and had not gone in. */
export function findCopy({ watch }: Conversation): Fault | undefined {
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
      return { where: describeEvent(event), what: `${name} came out, and no such event went in.` };
    }
    const changed = changedFields(original, event);
    if (original.stage === 'eom' && changed.every((field) => field === 'modifications')) continue;
    const others = changed.length === 0 ? '' : `, with other ${changed.join(', ')}`;
    return { where: describeEvent(original), what: `a copy came out${others}.` };
  }
  return undefined;
}

function changedFields(original: object, copy: object): string[] {
  const [left, right] = [original, copy] as Readonly<Record<string, unknown>>[];
  return Object.keys({ ...original, ...copy }).filter((field) => left?.[field] !== right?.[field]);
}

/** Finds an event without one outcome, or a filter that ended before its connection. */
export function findOtherOutcome({ watch }: Conversation): Fault | undefined {
  if (watch.end !== undefined) {
    const { after, how } = watch.end;
    const where = after === undefined ? 'the beginning' : describeEvent(after);
    return { where, what: `the filter itself ${how}` };
  }
  for (const { way, flow } of watch.log) {
    if (way === 'out') continue;
    const came = watch.cameOf(flow);
    if (came.length === 1) continue;
    const all = came.map(describeValue).join('; ');
    const what = came.length === 0 ? 'nothing came of it.' : `${came.length} things came of it: ${all}.`;
    return { where: describeEvent(flow), what };
  }
  return undefined;
}

/** Finds a modification before the end of a message. */
export function findEarlyChange(conversation: Conversation): Fault | undefined {
  for (const { way, flow } of conversation.watch.log) {
    const event = eventOf(flow);
    const [first] = 'modifications' in flow ? flow.modifications : [];
    if (way === 'in' || event.stage === 'eom' || first === undefined) continue;
    return {
      where: describeEvent(event),
      what: `what came of it has on it: ${describeModification(first)}.`,
    };
  }
  return findError('modifications', conversation);
}

/** Finds an error that breaks a rule. */
export function findError(rule: ContractRule, { outcomes }: Conversation): Fault | undefined {
  for (const { stage, error } of outcomes) {
    if (error !== undefined && ruleOf(error) === rule) {
      return { where: stage, what: error.message, cause: error };
    }
  }
  return undefined;
}

/** The rule that an error breaks: events that failed, and answers that are not legal, are of several. */
function ruleOf(error: Error): ContractRule | undefined {
  if (error instanceof ForgottenAnswerError) return 'returned';
  if (error instanceof AnswerError && error.message.includes('only at eom')) return 'modifications';
  return error instanceof ProjectError || error instanceof AnswerError ? 'no-errors' : undefined;
}

/** Finds a mail that gets other answers on a second connection, after all mails, or after an abort in the middle of it. */
export async function findState(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
): Promise<Fault | undefined> {
  for (const mail of options.mails) {
    /** The answers to the mail, after something else on the same connection; nothing where one is missing. */
    const linesAfter = async (
      before?: (speaker: Speaker) => Promise<unknown>,
    ): Promise<readonly Line[] | undefined> => {
      let lines: readonly Line[] = [];
      const { cut } = await converse(filter, options, mail, async (speaker) => {
        await before?.(speaker);
        lines = await speaker.mail(mail);
      });
      return cut ? undefined : lines;
    };
    const alone = await linesAfter();
    // Without answers there is nothing to compare.
    if (alone === undefined) return undefined;
    const again = {
      'on a second connection': await linesAfter(),
      'after other messages': await linesAfter(async (speaker) => {
        for (const other of options.mails) await speaker.mail(other);
      }),
      'after an abort': await linesAfter((speaker) => speaker.mail(mail, 'headers')),
    };
    for (const [when, lines = alone] of Object.entries(again)) {
      for (const [at, { step, answer }] of alone.entries()) {
        const other = lines[at]?.answer;
        if (other !== undefined && firstDifference(answer, other) === undefined) continue;
        const then = other === undefined ? 'there was no such step' : describe(other);
        return {
          where: step,
          what: `the first time the MTA was told: ${describe(answer)}; ${when}: ${then}.`,
        };
      }
    }
  }
  return undefined;
}

function describe({ verdict, reply, modifications }: StepAnswer): string {
  const refused = (verdict === 'reject' || verdict === 'tempfail') && reply !== undefined;
  const decision = refused ? describeDecision({ kind: verdict, reply }) : verdict;
  return [decision, ...modifications.map(describeModification)].join(' + ');
}

/** Finds a breach of the protocol in the bytes that a mail server would get. */
export async function findBreach(
  filter: OperatorFunction<Flow, Flow>,
  { mails, session, timeout }: ResolvedContract,
): Promise<Fault | undefined> {
  const { findings } = await check(filter, { mails, session, timeout });
  const breach = findings.find(({ severity }) => severity === 'error');
  if (breach === undefined) return undefined;
  const { step, dialogue, rule, what, consequence } = breach;
  return { where: `${step} (${dialogue})`, what: `${what} (${rule}) ${consequence}` };
}
