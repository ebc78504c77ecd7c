import { TAKEN, type Conversation } from './conversation.js';

/** The stages at which Postfix asks for a decision in the course of a message. */
export const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;

/** One of {@link STAGES}. */
export type AskedStage = (typeof STAGES)[number];

/** The step of the conversation at which a refusal is told, unless it is told at once. */
export const STEP_OF = {
  connect: 'mail',
  helo: 'mail',
  mail: 'mail',
  rcpt: 'rcpt',
  data: 'data',
  header: 'dot',
  eoh: 'dot',
  body: 'dot',
  eom: 'dot',
} as const;

/**
 * The conversation that Postfix 3.7 has with a client when a filter refuses at that stage with that reply.
 *
 * - A refusal for good at the connection turns the greeting into a 554 of Postfix's own wording; EHLO is answered.
 * - Refusals of the connection or of HELO are told to the client at MAIL.
 * - 421 is told at once, and the connection is closed; in the greeting in Postfix's own words.
 * - Refusals of anything in the content are told after the final dot.
 */
export function refusedByPostfix(stage: AskedStage, reply: string): Conversation {
  const { banner, ehlo, mail, rcpt, data, then } = TAKEN;
  const closes = reply.startsWith('421');
  if (closes && stage === 'connect') {
    return { banner: '421 mx.test.example Service unavailable - try again later', then: 'closed' };
  }
  if (closes && stage === 'helo') return { banner, ehlo: reply, then: 'closed' };
  const greeting =
    stage === 'connect' && reply.startsWith('5')
      ? '554 mx.test.example ESMTP not accepting connections'
      : banner;
  const before = {
    mail: { banner: greeting, ehlo },
    rcpt: { banner, ehlo, mail },
    data: { banner, ehlo, mail, rcpt },
    dot: { banner, ehlo, mail, rcpt, data },
  };
  const step = STEP_OF[stage];
  return { ...before[step], [step]: reply, then: closes ? 'closed' : then };
}
