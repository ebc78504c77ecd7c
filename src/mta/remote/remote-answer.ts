import { type Decision, discard, reject, tempfail } from '../../session/decisions.js';
import type { Modification } from '../../session/modifications.js';
import { type SmtpReply, checkSmtpReply } from '../../session/smtp-reply.js';
import { REFUSALS } from '../client/refusals.js';
import type { Verdict } from '../client/verdict.js';
import type { RemoteError } from './remote-error.js';

/** What an event is to become. */
export interface RemoteAnswer {
  readonly decision?: Decision | undefined;
  readonly modifications?: readonly Modification[];
  /** Why it is not the milter's. */
  readonly error?: RemoteError;
}

/**
 * What a milter's verdict means for the pipeline that it is part of.
 *
 * Only what concerns the mail is a decision: that it accepts, or wants no more of the body, concerns nobody but itself.
 *
 * @throws AnswerError where it refuses in words that cannot be passed on
 */
export function decisionOf(verdict: Verdict): Decision | undefined {
  if (verdict.kind === 'discard') return discard();
  return verdict.kind === 'refuse' ? refusalOf(verdict.reply) : undefined;
}

/** A refusal as a decision; one without words leaves them to the MTA, as the milter did. */
export function refusalOf(reply: SmtpReply): Decision {
  if (reply === REFUSALS.reject) return reject();
  if (reply === REFUSALS.tempfail) return tempfail();
  const kind = reply.code >= 500 ? 'reject' : 'tempfail';
  return { kind, reply: checkSmtpReply(kind, reply) };
}
