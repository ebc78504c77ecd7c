import { made } from '../answer-watch.js';
import type { Reject } from '../decision.js';
import { smtpReply } from '../make-smtp-reply.js';
import type { ReplySpec } from '../smtp-reply.js';

const REJECT: Reject = Object.freeze({ kind: 'reject' });

/**
 * Refuses for good (libmilter's `SMFIS_REJECT`, with a reply `smfi_setreply` and `smfi_setmlreply`).
 *
 * At `connect` and `helo` the SMTP connection, at `rcpt` that recipient, elsewhere the message. Without an argument the
 * MTA words the reply; with text alone the reply is `550 5.7.1 text`.
 *
 * @throws AnswerError where the code is not 5xx, the enhanced code is of another class, there are more than 32 lines, a
 *   line has more than 980 bytes, all of them with their codes more than 16383, or one holds CR, LF or NUL
 * @example on('rcpt', () => reject({ code: 550, enhanced: '5.1.1', text: ['No such user.', 'Ask the postmaster.'] }))
 */
export function reject(reply?: ReplySpec): Reject {
  if (reply === undefined) return made(REJECT, reject);
  return made(
    { kind: 'reject', reply: smtpReply('reject', reply, 550, '5.7.1', 'Command rejected') },
    reject,
  );
}
