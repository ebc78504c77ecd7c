import { AnswerError } from './answer-error.js';
import type { Decision } from './decision.js';
import { isLegal } from './legal.js';
import { checkSmtpReply } from './make-smtp-reply.js';
import type { Stage } from './stage.js';

/** The guard for plain JavaScript, and for replies that an operator has made by itself. */
export function checkDecision(decision: Decision, stage: Stage): void {
  if (!isLegal(decision.kind, stage)) {
    throw new AnswerError(`${decision.kind}() is not legal at stage ${stage}.`);
  }
  if (decision.kind !== 'reject' && decision.kind !== 'tempfail') return;
  if (decision.reply !== undefined) checkSmtpReply(decision.kind, decision.reply);
}
