import { types } from 'node:util';

import { type Decision, accept, discard, isLegal, proceed, reject, skip, tempfail } from './decisions.js';
import { AnswerError } from './errors.js';
import { checkSmtpReply } from './smtp-reply.js';
import type { Stage } from './stage.js';

/** The decisions without a reply of their own. */
export const BARE: { readonly [K in Decision['kind']]: Extract<Decision, { kind: K }> } = {
  proceed: proceed(),
  accept: accept(),
  reject: reject(),
  tempfail: tempfail(),
  discard: discard(),
  skip: skip(),
};

/**
 * A decision of that kind as plain data: itself where it is that. One that was written by hand may have getters, which
 * may throw where it is looked at again: when its answer is with the MTA already.
 */
export function plainDecision(kind: Decision['kind'], given: Decision): Decision {
  if (given === BARE[kind] || isPlain(given)) return given;
  if (kind !== 'reject' && kind !== 'tempfail') return BARE[kind];
  const { reply } = given as Extract<Decision, { kind: 'reject' | 'tempfail' }>;
  return reply === undefined ? BARE[kind] : { kind, reply };
}

/** Whether it is data and nothing else: no getters, no proxy. */
export function isPlain(given: object): boolean {
  if (types.isProxy(given)) return false;
  const kind = Object.getOwnPropertyDescriptor(given, 'kind');
  const reply = Object.getOwnPropertyDescriptor(given, 'reply');
  if (kind === undefined || !('value' in kind)) return false;
  return reply === undefined ? !('reply' in given) : 'value' in reply;
}

/** Whether its reply is data and nothing else, too. */
export function isPlainReply(given: Decision): boolean {
  const reply: unknown = 'reply' in given ? given.reply : undefined;
  if (typeof reply !== 'object' || reply === null) return true;
  if (types.isProxy(reply)) return false;
  return Object.values(Object.getOwnPropertyDescriptors(reply)).every(
    (field) => 'value' in field && !types.isProxy(field.value),
  );
}

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
