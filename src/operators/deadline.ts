import { type OperatorFunction, type Subscription, timer } from 'rxjs';

import { LONGEST_TIMER, anything, checkArgument, checkOptions, or, rule } from '../common/options.js';
import { ignoreRejection } from '../common/promises.js';
import type { Site } from '../session/answer-watch.js';
import { type Decision, isLegal } from '../session/decisions.js';
import { AnswerError, StaleReplyError } from '../session/errors.js';
import { causeOf } from '../session/failures.js';
import type { Flow, Reply, StageEvent } from '../session/flow.js';
import { decisionOf } from '../session/options.js';
import { BIT, STAGES, bitOf } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { Answers } from './core/answers.js';
import { EnclosingStep } from './core/chain.js';
import { DerivedTurn, eventOf, isSilent, withTurn } from './core/derived-turn.js';
import { failedEvent, replyTo } from './core/failed-event.js';
import { type Filter, interestOf, makeFilter, stepsOf, tagsOf } from './core/filter.js';
import type { Downstream, Step, Upstream } from './core/step.js';

/** What an event gets that is late, or whose filter has failed: a decision, `'pass'` (it travels on), or a function that gives one of these. */
export type LateDecision = Decision | 'pass' | ((event: StageEvent) => Decision | 'pass');

/** The options of `deadline()`. */
export interface DeadlineOptions {
  /** What an event gets whose filter has failed in time; the error is still reported. Default: the server's `failure`. */
  readonly failure?: LateDecision | undefined;
}

const DURATION = rule(
  'a number of milliseconds above 0 and below 25 days',
  (value) => typeof value === 'number',
  (value) => Number(value) > 0 && Number(value) <= LONGEST_TIMER,
);

const decisions = decisionOf('tempfail', 'reject', 'accept', 'allow', 'discard', 'skip');
const DECISION = or(
  { ...decisions, expected: `${decisions.expected}, or a function that gives one of these` },
  'pass',
);

/**
 * Gives a filter so many milliseconds for each event that it decides.
 *
 * @remarks
 * An event that it has not let out again by then gets `decision`, without an error, and what runs in it for that event
 * is cancelled as at an abort. A reply that comes later is reported as a `StaleReplyError`. Events that the filter only
 * observes are not timed. What a function as `decision` throws costs the event the failure decision. The timeouts of the
 * connection go on: by default 8 000 ms, and 280 000 ms at `eom`.
 *
 * With `{ failure }` an event for which the filter fails in time gets that, and the error is still reported: so a
 * slow and a broken filter are bounded in one place.
 *
 * @param duration milliseconds, above 0
 * @throws AnswerError where the decision is not legal at a stage that the filter decides, RangeError for the duration
 * @example deadline(500, on('rcpt', checkMailbox), 'pass', { failure: 'pass' })
 */
export function deadline(
  duration: number,
  filter: OperatorFunction<Flow, Flow>,
  decision: LateDecision,
  options: DeadlineOptions = {},
): Filter {
  checkArgument('deadline()', 'the first argument', duration, DURATION);
  const site = new Error();
  const steps = stepsOf(filter, 'deadline(): the second argument');
  const tags = tagsOf(steps);
  checkLate('the third argument', decision, tags.decides);
  checkOptions<DeadlineOptions>('deadline()', options, { failure: anything });
  const { failure } = options;
  if (failure !== undefined) checkLate('failure', failure, tags.decides);
  return makeFilter([
    {
      tags,
      interest: BIT.abort | BIT.close | interestOf(steps),
      site,
      open: (down) =>
        new DeadlineRun({ duration, decision, failure, decides: tags.decides, site }, steps, down),
    },
  ]);
}

function checkLate(name: string, decision: LateDecision, decides: number): void {
  if (decision === 'pass' || typeof decision === 'function') return;
  checkArgument('deadline()', name, decision, DECISION);
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

interface Terms {
  readonly duration: number;
  readonly decision: LateDecision;
  readonly failure: LateDecision | undefined;
  /** The stages whose events are timed. */
  readonly decides: number;
  /** The call of `deadline()`. */
  readonly site: Site;
}

/** A filter that has only so much time for each event, at work. */
class DeadlineRun extends EnclosingStep {
  readonly #terms: Terms;
  readonly #chain: Upstream;
  /** In a session at most one; a drawing may have several events under way. */
  readonly #waiting = new Set<TimedTurn>();

  constructor(terms: Terms, steps: readonly Step[], down: Downstream) {
    super(down);
    this.#terms = terms;
    this.#chain = this.enclose(steps, (flow) => {
      this.#out(flow);
    });
  }

  override next(flow: Flow): void {
    if (flow.stage === 'abort' || flow.stage === 'close') {
      this.#forgetAll();
      this.#chain.next(flow);
      return;
    }
    const event = eventOf(flow);
    // Where the MTA does not wait there is nothing to decide.
    const timed = (bitOf(event.stage) & this.#terms.decides) !== 0 && !isSilent(turnOf(event));
    if (timed) this.#give(new TimedTurn(flow, this));
    else this.#chain.next(flow);
  }

  protected override isBusy(): boolean {
    return super.isBusy() || this.#waiting.size > 0;
  }

  protected override cancel(): void {
    super.cancel();
    this.#forgetAll();
  }

  #give(turn: TimedTurn): void {
    this.#waiting.add(turn);
    this.#chain.next(turn.shown);
    if (!this.#waiting.has(turn)) return;
    turn.timer = timer(this.#terms.duration).subscribe(() => {
      this.#expire(turn);
    });
    turn.onEnd(() => {
      this.#forget(turn);
    });
  }

  #expire(turn: TimedTurn): void {
    turn.late = true;
    this.#waiting.delete(turn);
    // Told before it is cancelled: what is cancelled may be all that kept the filter from completing.
    this.down.next(this.#instead(turn, this.#terms.decision));
    turn.end();
    this.settle();
  }

  #instead({ flow, event }: TimedTurn, decision: LateDecision): Flow {
    // What an earlier filter has decided stays decided.
    if (flow.stage === 'reply') return flow;
    try {
      const late = typeof decision === 'function' ? decision(event) : decision;
      if (late === 'pass') return flow;
      ignoreRejection(late);
      const answers = new Answers(event, this.#terms.site);
      if (!answers.take(late)) {
        throw new TypeError("deadline(): the function gave no decision. Return one, or 'pass'.");
      }
      return answers.result();
    } catch (error) {
      return failedEvent(event, error, this.#terms.site);
    }
  }

  #out(flow: Flow): void {
    if (flow.stage === 'abort' || flow.stage === 'close') {
      this.down.next(flow);
      return;
    }
    const turn = turnOf(eventOf(flow));
    // One deadline may be within another.
    if (!(turn instanceof TimedTurn) || turn.run !== this) {
      this.down.next(flow);
    } else if (turn.late) {
      // What an earlier filter has decided has gone on already.
      if (flow.stage === 'reply' && flow !== turn.shown) {
        const why = `its deadline of ${this.#terms.duration} ms was over, and it had got its decision.`;
        turn.owner.report(turn.stage, causeOf(flow) ?? new StaleReplyError(turn.stage, why));
      }
    } else {
      this.#forget(turn);
      const { failure } = this.#terms;
      const cause = failure && flow.stage === 'reply' && flow !== turn.shown ? causeOf(flow) : undefined;
      if (cause !== undefined) turn.owner.report(turn.stage, cause);
      this.down.next(cause && failure ? this.#instead(turn, failure) : turn.restore(flow));
      this.settle();
    }
  }

  #forget(turn: TimedTurn): void {
    this.#waiting.delete(turn);
    turn.timer?.unsubscribe();
  }

  #forgetAll(): void {
    for (const turn of this.#waiting) this.#forget(turn);
  }
}

/** The turn of an event within a deadline: all that is done with it is done with that of the event itself. */
class TimedTurn extends DerivedTurn {
  readonly run: DeadlineRun;
  /** As it came. */
  readonly flow: StageEvent | Reply;
  readonly event: StageEvent;
  /** As the filter gets it. */
  readonly shown: StageEvent | Reply;
  timer: Subscription | undefined;
  late = false;
  readonly #copy: StageEvent;

  constructor(flow: StageEvent | Reply, run: DeadlineRun) {
    const event = eventOf(flow);
    super(event);
    this.run = run;
    this.flow = flow;
    this.event = event;
    this.#copy = withTurn(event, this);
    this.shown = flow.stage === 'reply' ? replyTo(this.#copy, flow) : this.#copy;
    const { original } = this;
    original?.onEnd(() => {
      this.decision = original.decision;
      this.modifications = original.modifications;
      this.end();
    });
  }

  override releaseBody(): void {
    this.original?.releaseBody();
  }

  override pause(): () => void {
    return this.original?.pause() ?? (() => undefined);
  }

  /** What the filter has made of the copy, as if it had made it of the event. */
  restore(out: StageEvent | Reply): StageEvent | Reply {
    if (out === this.shown) return this.flow;
    return out.stage === 'reply' ? replyTo(this.#restoreEvent(out.to), out) : this.#restoreEvent(out);
  }

  #restoreEvent(event: StageEvent): StageEvent {
    return event === this.#copy ? this.event : withTurn(event, this.original);
  }
}
