import { AnswerError } from '../session/errors.js';
import type { Answer, EventAt, Reply, StageEvent } from '../session/flow.js';
import type { Stage } from '../session/stage.js';
import { Answers } from './core/answers.js';

/**
 * Makes the reply to an event, for an operator of your own.
 *
 * @throws AnswerError where there is no decision among the answers, or one that is not legal at the event's stage
 * @example source.pipe(map((flow) => (flow.stage === 'rcpt' && full() ? answer(flow, tempfail('Mailbox full')) : flow)))
 */
export function answer<S extends Stage>(event: EventAt<S>, ...answers: readonly Answer<S>[]): Reply {
  const gathered = new Answers(event);
  for (const answer of answers) if (gathered.take(answer)) break;
  const result = gathered.result();
  if (result.stage === 'reply') return result;
  throw new AnswerError(
    `answer(): no decision for the event at stage ${(event as StageEvent).stage}. Add allow(), accept(), reject() …`,
  );
}
