import type { SmtpClient } from './smtp-client.js';
import { within } from './within.js';

/** What the client was told at each step of sending a message; steps after a refusal are absent. */
export interface Conversation {
  readonly banner?: string;
  readonly ehlo?: string;
  readonly mail?: string;
  readonly rcpt?: string;
  readonly data?: string;
  readonly dot?: string;
  /** Answer to RSET afterwards, or that the server has closed the connection. */
  readonly then?: string;
}

/** The conversation of a message that Postfix takes. */
export const TAKEN = {
  banner: '220 mx.test.example ESMTP Postfix',
  ehlo: '250-mx.test.example',
  mail: '250 2.1.0 Ok',
  rcpt: '250 2.1.5 Ok',
  data: '354 (go on)',
  dot: '250 2.0.0 Ok: queued as (id)',
  then: '250 2.0.0 Ok',
} as const satisfies Conversation;

/** The same in the words of Sendmail. */
export const TAKEN_BY_SENDMAIL = {
  banner: '220 mx.test.example ESMTP Sendmail',
  ehlo: '250-mx.test.example Hello localhost [127.0.0.1], pleased to meet you',
  mail: '250 2.1.0 <alice@src.example>... Sender ok',
  rcpt: '250 2.1.5 <bob@dst.example>... Recipient ok',
  data: '354 (go on)',
  dot: '250 2.0.0 (id) Message accepted for delivery',
  then: '250 2.0.0 Reset state',
} as const satisfies Conversation;

/** What the conversation consists of, in order. */
const STEPS = ['banner', 'ehlo', 'mail', 'rcpt', 'data', 'dot'] as const;

/**
 * Sends a message and notes every answer, until a command is refused.
 *
 * A refusing banner alone does not end it: Postfix answers EHLO even then, and only MAIL is refused.
 */
export async function converse(client: SmtpClient, message: string): Promise<Conversation> {
  const send: Record<(typeof STEPS)[number], () => Promise<string>> = {
    banner: () => client.reply(),
    ehlo: () => client.command('EHLO client.example'),
    mail: () => client.command('MAIL FROM:<alice@src.example>'),
    rcpt: () => client.command('RCPT TO:<bob@dst.example>'),
    data: () => client.command('DATA'),
    dot: () => client.content(message),
  };
  const heard: Record<string, string> = {};
  for (const step of STEPS) {
    const reply = await send[step]();
    heard[step] = step === 'ehlo' && reply.startsWith('250') ? firstLine(reply) : plain(reply);
    if (reply.startsWith('421')) {
      await within(client.closed, () => 'the end of the connection after 421');
      return { ...heard, then: 'closed' };
    }
    if (!/^[23]/.test(reply) && step !== 'banner') break;
  }
  return { ...heard, then: await client.command('RSET') };
}

function firstLine(reply: string): string {
  return reply.split('\n', 1).join('');
}

/** A reply without what depends on version, time and chance. */
function plain(reply: string): string {
  return reply
    .replace(/ Sendmail [^\n]*$/, ' Sendmail')
    .replace(/^354 .*$/, '354 (go on)')
    .replace(/queued as \w+$/, 'queued as (id)')
    .replace(/ \w+ Message accepted for delivery$/, ' (id) Message accepted for delivery');
}
