import { AnswerError } from './answer-error.js';
import type { Decision } from './decision.js';
import { isLegal } from './legal.js';
import { checkSmtpReply } from './make-smtp-reply.js';
import { plainDecision } from './plain-decision.js';
import type { Stage } from './stage.js';

/** The guard for plain JavaScript, and for replies that an operator has made by itself. Returns the decision to go by. */
export function checkDecision(given: Decision, stage: Stage): Decision {
  const { kind } = given;
  if (!isLegal(kind, stage)) throw new AnswerError(`${kind}() is not legal at stage ${stage}.`);
  const decision = plainDecision(kind, given);
  if ('reply' in decision) checkSmtpReply(decision.kind, decision.reply);
  return decision;
}
