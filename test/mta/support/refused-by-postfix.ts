import { TAKEN, type Conversation } from './conversation.js';
import { toldAt } from './told-at.js';

/** The stages at which Postfix asks for a decision in the course of a message. */
export const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;

/** One of {@link STAGES}. */
export type AskedStage = (typeof STAGES)[number];

/**
 * The conversation that Postfix 3.7 has with a client when a filter refuses at that stage with that reply.
 *
 * - A refusal for good at the connection turns the greeting into a 554 of Postfix's own wording; EHLO is answered.
 * - Refusals of the connection or of HELO are told to the client at MAIL.
 * - 421 is told at once, and the connection is closed; in the greeting in Postfix's own words.
 * - Refusals of anything in the content are told after the final dot.
 */
export function refusedByPostfix(stage: AskedStage, reply: string): Conversation {
  if (reply.startsWith('421') && stage === 'connect')
    return { banner: '421 mx.test.example Service unavailable - try again later', then: 'closed' };
  if (reply.startsWith('421') && stage === 'helo')
    return { banner: TAKEN.banner, ehlo: reply, then: 'closed' };
  const told = toldAt(TAKEN, stage, reply);
  return stage === 'connect' && reply.startsWith('5')
    ? { ...told, banner: '554 mx.test.example ESMTP not accepting connections' }
    : told;
}
