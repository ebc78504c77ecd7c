import type { Conversation } from './conversation.js';
import type { AskedStage } from './refused-by-postfix.js';

/** The step of the conversation at which a refusal is told, unless it is told at once. */
const STEP_OF = {
  connect: 'mail',
  helo: 'mail',
  mail: 'mail',
  rcpt: 'rcpt',
  data: 'data',
  header: 'dot',
  eoh: 'dot',
  body: 'dot',
  eom: 'dot',
} as const satisfies Record<AskedStage, keyof Conversation>;

/**
 * A conversation that goes as the one of a message that is `taken`, up to the step at which the client is told that the
 * filter has refused at that stage. With 421 the connection is closed.
 */
export function toldAt(taken: Conversation, stage: AskedStage, reply: string): Conversation {
  const step = STEP_OF[stage];
  const before: Record<string, string | undefined> = {};
  for (const earlier of ['banner', 'ehlo', 'mail', 'rcpt', 'data', 'dot'] as const) {
    if (earlier === step) break;
    before[earlier] = taken[earlier];
  }
  return { ...before, [step]: reply, then: reply.startsWith('421') ? 'closed' : taken.then } as Conversation;
}
