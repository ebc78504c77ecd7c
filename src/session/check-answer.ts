import { AnswerError } from './answer-error.js';
import type { Decision } from './decision.js';
import type { Flow } from './flow.js';
import { isLegal } from './legal.js';
import { checkSmtpReply } from './make-smtp-reply.js';
import type { Stage } from './stage.js';

/** Whether it can be asked for its turn. Plain JavaScript may emit anything. */
export function isFlow(flow: unknown): flow is Flow {
  if (typeof flow !== 'object' || flow === null) return false;
  const { stage } = flow as { stage?: unknown };
  if (stage !== 'reply') return true;
  const { to } = flow as { to?: unknown };
  return typeof to === 'object' && to !== null;
}

/** The guard for plain JavaScript, and for replies that an operator has made by itself. */
export function checkDecision(decision: Decision, stage: Stage): void {
  if (!isLegal(decision.kind, stage)) {
    throw new AnswerError(`${decision.kind}() is not legal at stage ${stage}.`);
  }
  if (decision.kind !== 'reject' && decision.kind !== 'tempfail') return;
  if (decision.reply !== undefined) checkSmtpReply(decision.kind, decision.reply);
}
