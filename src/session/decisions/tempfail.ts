import { made } from '../answer-watch.js';
import type { Tempfail } from '../decision.js';
import { smtpReply } from '../make-smtp-reply.js';
import type { ReplySpec } from '../smtp-reply.js';

const TEMPFAIL: Tempfail = Object.freeze({ kind: 'tempfail' });

/**
 * Refuses for now: the client keeps the mail and tries again (libmilter's `SMFIS_TEMPFAIL`).
 *
 * The scope is that of `reject`. Without an argument the MTA words the reply; with text alone the reply is
 * `451 4.7.1 text`. With code 421 the MTA also closes the SMTP connection.
 *
 * @throws AnswerError where the code is not 4xx, and otherwise like `reject`
 * @example on('rcpt', async (rcpt) => ((await greylisted(rcpt)) ? tempfail('Greylisted, try again') : undefined))
 */
export function tempfail(reply?: ReplySpec): Tempfail {
  if (reply === undefined) return made(TEMPFAIL, tempfail);
  return made(
    { kind: 'tempfail', reply: smtpReply('tempfail', reply, 451, '4.7.1', 'Please try again later') },
    tempfail,
  );
}
