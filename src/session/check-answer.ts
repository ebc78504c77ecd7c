import { AnswerError } from './answer-error.js';
import type { Decision } from './decision.js';
import { isLegal } from './legal.js';
import { checkSmtpReply } from './make-smtp-reply.js';
import { BARE } from './plain-decision.js';
import type { Stage } from './stage.js';

/**
 * The guard for plain JavaScript, and for replies that an operator has made by itself: gives a copy of the decision, of
 * which each part was read once and checked. What is written is the copy.
 *
 * @throws AnswerError where it is none, or none for this stage
 */
export function checkDecision<D extends Decision>(decision: D, stage: Stage): D;
export function checkDecision(decision: Decision, stage: Stage): Decision {
  const { kind } = decision;
  if (!isLegal(kind, stage)) throw new AnswerError(`${kind}() is not legal at stage ${stage}.`);
  if (kind !== 'reject' && kind !== 'tempfail') return BARE[kind];
  const { reply } = decision;
  return reply === undefined ? BARE[kind] : { kind, reply: checkSmtpReply(kind, reply) };
}
