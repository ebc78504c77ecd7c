import { rule, type Rule } from '../common/options.js';
import { messageOf } from '../common/text-of.js';
import type { Decision } from './decision.js';
import { isLegal } from './legal.js';
import { checkSmtpReply } from './make-smtp-reply.js';
import type { Stage } from './stage.js';

const KINDS = ['tempfail', 'reject', 'accept', 'proceed', 'discard', 'skip'] satisfies Decision['kind'][];
const DECISIONS: readonly string[] = KINDS;

/**
 * The rule for an option that is a decision: one of these kinds, with a reply that is one.
 *
 * @param kinds in the order in which they are to be named
 */
export function decisionOf(...kinds: readonly Decision['kind'][]): Rule {
  const calls = kinds.map((kind) => `${kind}()`);
  const made = [...calls.slice(0, -2), calls.slice(-2).join(' or ')].join(', ');
  const isDecision = (value: unknown): boolean => DECISIONS.includes(kindOf(value));
  const fits = (value: unknown): boolean =>
    (kinds as readonly string[]).includes(kindOf(value)) && faultOf(value) === undefined;
  return {
    ...rule(`a decision: what ${made} ${kinds.length === 1 ? 'makes' : 'make'}`, isDecision, fits),
    hint: (value) => hintFor(value, kinds),
  };
}

/** The decisions that may be given at any stage but `unknown`, where those that may not count as `proceed()`. */
export const failureRule: Rule = decisionOf('tempfail', 'reject', 'accept', 'proceed');

/** The rule for a decision that may be given at a stage. */
export function decisionAt(stage: Stage): Rule {
  return decisionOf(...KINDS.filter((kind) => isLegal(kind, stage)));
}

function hintFor(value: unknown, kinds: readonly string[]): string | undefined {
  if (typeof value === 'string' && kinds.includes(value)) return `Write ${value}(), without quotation marks.`;
  if (typeof value === 'function' && kinds.includes(value.name)) return `Call it: ${value.name}().`;
  const kind = kindOf(value);
  if (DECISIONS.includes(kind) && !kinds.includes(kind)) return `${kind}() is not legal there.`;
  return faultOf(value);
}

/** What is wrong with the reply of a decision. */
function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, reply } = value as { readonly kind?: unknown; readonly reply?: unknown };
  if ((kind !== 'reject' && kind !== 'tempfail') || reply === undefined) return undefined;
  try {
    checkSmtpReply(kind, reply as Parameters<typeof checkSmtpReply>[1]);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function kindOf(value: unknown): string {
  const kind: unknown = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : '';
  return typeof kind === 'string' ? kind : '';
}
