import { AnswerError } from './answer-error.js';
import type { Decision } from './decision.js';
import { accept } from './decisions/accept.js';
import { discard } from './decisions/discard.js';
import { proceed } from './decisions/proceed.js';
import { reject } from './decisions/reject.js';
import { skip } from './decisions/skip.js';
import { tempfail } from './decisions/tempfail.js';
import { isLegal } from './legal.js';
import { checkSmtpReply } from './make-smtp-reply.js';
import type { Stage } from './stage.js';

const BARE: { readonly [K in Decision['kind']]: Extract<Decision, { kind: K }> } = {
  proceed: proceed(),
  accept: accept(),
  reject: reject(),
  tempfail: tempfail(),
  discard: discard(),
  skip: skip(),
};

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
