import type { OperatorFunction } from 'rxjs';

import { checkArgument, LONGEST_TIMER, or, rule } from '../common/options.js';
import { AnswerError } from '../session/answer-error.js';
import { decisionOf } from '../session/decision-rule.js';
import type { Decision } from '../session/decision.js';
import type { Flow, StageEvent } from '../session/flow.js';
import { isLegal } from '../session/legal.js';
import { BIT, STAGES } from '../session/stage.js';
import { DeadlineRun } from './deadline-run.js';
import { makeFilter, stepsOf, tagsOf, type Filter } from './filter.js';

/**
 * What an event gets whose time is up: a decision, or `'pass'`, which lets it travel on undecided; or a function that
 * is told of the event and gives one of these.
 */
export type LateDecision = Decision | 'pass' | ((event: StageEvent) => Decision | 'pass');

const DURATION = rule(
  'a number of milliseconds above 0 and below 25 days',
  (value) => typeof value === 'number',
  (value) => Number(value) > 0 && Number(value) <= LONGEST_TIMER,
);

const decisions = decisionOf('tempfail', 'reject', 'accept', 'proceed', 'discard', 'skip');
const DECISION = or(
  { ...decisions, expected: `${decisions.expected}, or a function that gives one of these` },
  'pass',
);

/**
 * Gives a filter so many milliseconds for each event that it decides: an event that it has not let out again by then
 * gets `decision`, and what runs in it for that event is cancelled.
 *
 * The time is that of the filter alone, and what later filters do is not in it. Cancelled means what it means when a
 * message is aborted: the signal is aborted, the Observable unsubscribed from, a milter behind `remote()` hung up on
 * (whose option `failure` then decides about the rest of that message). What the filter says later all the same is
 * dropped; a reply is told as a `StaleReplyError`. Events that it only observes are not timed, since nothing can be
 * decided there.
 *
 * A decision that comes this way is an outcome like any other, without an error: it was asked for. To see it, to count
 * it, or to have another one at each stage, give a function as `decision`; what that throws costs the event the failure
 * decision. On abort the time is forgotten. It ends before the timeouts of the connection only where it is shorter
 * (by default 8 000 ms, and 280 000 ms at `eom`).
 *
 * @param duration milliseconds, above 0; measured by a timer of RxJS, so that it can be drawn in marbles
 * @param decision `'pass'` lets later filters decide, `proceed()` keeps them from that event
 * @throws AnswerError where the decision is not legal at a stage that the filter decides, RangeError for the duration
 * @example deadline(2_000, remote('inet:8891@127.0.0.1', { failure: 'pass' }), 'pass')
 * @example deadline(500, on('rcpt', checkMailbox), tempfail('Our directory is slow, please try again'))
 */
export function deadline(
  duration: number,
  filter: OperatorFunction<Flow, Flow>,
  decision: LateDecision,
): Filter {
  checkArgument('deadline()', 'the first argument', duration, DURATION);
  const site = new Error();
  const steps = stepsOf(filter, 'deadline(): the second argument');
  const tags = tagsOf(steps);
  checkLate(decision, tags.decides);
  return makeFilter([
    {
      tags,
      interest: steps.reduce((set, step) => set | step.interest, BIT.abort | BIT.close),
      open: (down) => new DeadlineRun({ duration, decision, decides: tags.decides, site }, steps, down),
    },
  ]);
}

function checkLate(decision: LateDecision, decides: number): void {
  if (decision === 'pass' || typeof decision === 'function') return;
  checkArgument('deadline()', 'the third argument', decision, DECISION);
  const { kind } = decision;
  const stages = STAGES.filter((stage) => (BIT[stage] & decides) !== 0);
  const illegal = stages.filter((stage) => !isLegal(kind, stage));
  if (illegal.length > 0) {
    throw new AnswerError(
      `deadline(): ${kind}() is not legal at ${illegal.join(', ')}, which the filter decides. ` +
        "Use a decision that is, 'pass', or a function that gives each stage its own.",
    );
  }
}
