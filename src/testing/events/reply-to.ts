import { reply } from '../../operators/reply.js';
import type { DecisionAt } from '../../session/decisions.js';
import type { Reply, StageEvent } from '../../session/flow.js';
import type { Modification } from '../../session/modifications.js';

/**
 * The reply that an event is expected to become. What is on an `eom` already comes before `modifications`.
 *
 * @throws AnswerError where the decision is not legal at that stage, or something but a message is to be changed
 * @example replyTo(rcpt('a@b.test'), reject('No such user'))
 * @example replyTo(eom(), accept(), [addHeader('X-Seen', 'yes')])
 */
export function replyTo<E extends StageEvent>(
  event: E,
  decision: DecisionAt<E['stage']>,
  modifications: E extends { readonly stage: 'eom' } ? readonly Modification[] : readonly never[] = [],
): Reply {
  // That they fit each other is said above, of `E`; `reply` says it of a stage, which cannot be inferred here.
  const answers = [...modifications, decision] as Parameters<typeof reply>[1][];
  return reply(event, ...answers);
}
