import { TAKEN_BY_SENDMAIL, type Conversation } from './conversation.js';
import type { AskedStage } from './refused-by-postfix.js';
import { toldAt } from './told-at.js';

const ADDRESS: Partial<Record<AskedStage, string>> = {
  mail: '<alice@src.example>',
  rcpt: '<bob@dst.example>',
};

/**
 * The conversation that Sendmail 8.17 has with a client when a filter refuses at that stage, with that reply or with
 * none of its own (`permanent` says of which kind it is).
 *
 * - At the connection the reply is lost. A refusal for good turns the greeting into a 554, EHLO is answered.
 * - Refusals of the connection or of HELO are told to the client at MAIL.
 * - 421 is told at once, and the connection is closed; at the connection only where it has one line, and in Sendmail's
 *   own words.
 * - Refusals of anything in the content are told after the final dot.
 */
export function refusedBySendmail(stage: AskedStage, permanent: boolean, reply?: string): Conversation {
  if (stage === 'connect') {
    if (reply?.startsWith('421 ') === true)
      return { banner: '421 4.7.0 mx.test.example closing connection', then: 'closed' };
    const told = toldAt(TAKEN_BY_SENDMAIL, stage, defaultReply(stage, permanent));
    return permanent ? { ...told, banner: '554 mx.test.example ESMTP not accepting messages' } : told;
  }
  if (reply === undefined) return toldAt(TAKEN_BY_SENDMAIL, stage, defaultReply(stage, permanent));
  if (stage === 'helo' && reply.startsWith('421'))
    return { banner: TAKEN_BY_SENDMAIL.banner, ehlo: reply, then: 'closed' };
  return toldAt(TAKEN_BY_SENDMAIL, stage, toldBySendmail(reply, ADDRESS[stage]));
}

/**
 * What Sendmail makes of a reply that a filter refuses a command with: it supplies an enhanced code where there is none,
 * and behind the codes 450 and 550, where the reply has one line, says which address it is about.
 */
export function toldBySendmail(reply: string, address?: string): string {
  if (reply.includes('\n')) return reply;
  const [, code = '', enhanced = `${code.charAt(0)}.0.0`, text = ''] =
    /^(\d{3}) (?:(\d\.\d+\.\d+) )?(.*)$/.exec(reply) ?? [];
  const about = address !== undefined && code.endsWith('50') ? `${address}... ` : '';
  return `${code} ${enhanced} ${about}${text}`;
}

function defaultReply(stage: AskedStage, permanent: boolean): string {
  if (!permanent) return '451 4.3.2 Please try again later';
  if (stage === 'connect' || stage === 'helo') return '550 5.0.0 Command rejected';
  const command = ['mail', 'rcpt', 'data'].includes(stage);
  return toldBySendmail(`${command ? '550' : '554'} 5.7.1 Command rejected`, ADDRESS[stage]);
}
