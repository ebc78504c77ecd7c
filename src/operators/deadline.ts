import { type OperatorFunction, type Subscription, timer } from 'rxjs';

import { LONGEST_TIMER, checkArgument, or, rule } from '../common/options.js';
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
import { openChain } from './core/chain.js';
import { DerivedTurn, Shown, eventOf, isSilent, withTurn } from './core/derived-turn.js';
import { failedEvent } from './core/failed-event.js';
import { type Filter, makeFilter, stepsOf, tagsOf } from './core/filter.js';
import type { Downstream, Step, Upstream } from './core/step.js';

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
 * Gives a filter so many milliseconds for each event that it decides.
 *
 * @remarks
 * An event that it has not let out again by then gets `decision`, and what runs in it for that event is cancelled.
 *
 * The time is that of the filter alone, and what later filters do is not in it. Cancelled means what it means when a
 * message is aborted: the signal is aborted, the Observable unsubscribed from, a milter behind `remote()` hung up on
 * (whose option `failure` then decides about the rest of that message). What the filter says later is
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

interface Terms {
  readonly duration: number;
  readonly decision: LateDecision;
  /** The stages whose events are timed. */
  readonly decides: number;
  /** The call of `deadline()`. */
  readonly site: Site;
}

/** A filter that has only so much time for each event, at work. */
export class DeadlineRun implements Upstream {
  readonly #terms: Terms;
  readonly #down: Downstream;
  readonly #chain: Upstream;
  /** In a session at most one; a drawing may have several events under way. */
  readonly #waiting = new Set<Timed>();
  /** The source has completed, and so has the filter. */
  #last = false;
  #through = false;
  #closed = false;

  constructor(terms: Terms, steps: readonly Step[], down: Downstream) {
    this.#terms = terms;
    this.#down = down;
    this.#chain = openChain(steps, {
      next: (flow) => {
        this.#out(flow);
      },
      error: (error) => {
        this.#forgetAll();
        this.#down.error(error);
      },
      complete: () => {
        this.#through = true;
        this.#completeIfDone();
      },
    });
  }

  next(flow: Flow): void {
    if (flow.stage === 'abort' || flow.stage === 'close') {
      this.#forgetAll();
      this.#chain.next(flow);
      return;
    }
    const event = eventOf(flow);
    // Where the MTA does not wait there is nothing to decide.
    const timed = (bitOf(event.stage) & this.#terms.decides) !== 0 && !isSilent(turnOf(event));
    if (timed) this.#give(new Timed(this, flow));
    else this.#chain.next(flow);
  }

  error(error: unknown): void {
    this.#forgetAll();
    this.#chain.error(error);
  }

  complete(): void {
    this.#last = true;
    this.#chain.complete();
  }

  close(): void {
    this.#closed = true;
    this.#forgetAll();
    this.#chain.close();
  }

  #give(timed: Timed): void {
    this.#chain.next(timed.shown.copy);
    if (timed.state !== 'new' || this.#closed || timed.turn.ended) return;
    this.#waiting.add(timed);
    timed.state = 'waiting';
    timed.timer = timer(this.#terms.duration).subscribe(() => {
      this.#expire(timed);
    });
    timed.turn.onEnd(() => {
      this.#forget(timed);
    });
  }

  #expire(timed: Timed): void {
    timed.state = 'late';
    this.#waiting.delete(timed);
    // Told before it is cancelled: what is cancelled may be all that kept the filter from completing.
    this.#down.next(this.#late(timed));
    timed.turn.end();
    this.#completeIfDone();
  }

  #late({ shown: { flow, event } }: Timed): Flow {
    // What an earlier filter has decided stays decided.
    if (flow.stage === 'reply') return flow;
    const { decision } = this.#terms;
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
    if (this.#closed) return;
    const timed = flow.stage === 'abort' || flow.stage === 'close' ? undefined : this.#timedOf(flow);
    if (timed === undefined || flow.stage === 'abort' || flow.stage === 'close') {
      this.#down.next(flow);
    } else if (timed.state === 'late') {
      // What an earlier filter has decided has gone on already.
      if (flow.stage === 'reply' && flow !== timed.shown.copy) this.#tellStale(timed, flow);
    } else {
      this.#forget(timed);
      timed.state = 'out';
      this.#down.next(timed.shown.restore(flow));
      this.#completeIfDone();
    }
  }

  #timedOf(flow: StageEvent | Reply): Timed | undefined {
    const turn = turnOf(eventOf(flow));
    // One deadline may be within another.
    return turn instanceof TimedTurn && turn.timed.run === this ? turn.timed : undefined;
  }

  #tellStale({ turn }: Timed, reply: Reply): void {
    const why = `its deadline of ${this.#terms.duration} ms was over, and it had got its decision.`;
    turn.owner.report(turn.stage, causeOf(reply) ?? new StaleReplyError(turn.stage, why));
  }

  #forget(timed: Timed): void {
    this.#waiting.delete(timed);
    timed.timer?.unsubscribe();
  }

  #forgetAll(): void {
    for (const timed of this.#waiting) this.#forget(timed);
  }

  #completeIfDone(): void {
    if (!this.#through || this.#closed) return;
    // One that is through too early leaves its events without a filter: as with any operator, that is the end of all.
    if (this.#last && this.#waiting.size > 0) return;
    this.close();
    this.#down.complete();
  }
}

/** One event and its time. */
class Timed {
  readonly run: DeadlineRun;
  readonly turn: TimedTurn;
  readonly shown: Shown;
  timer: Subscription | undefined;
  state: 'new' | 'waiting' | 'out' | 'late' = 'new';

  constructor(run: DeadlineRun, flow: StageEvent | Reply) {
    this.run = run;
    const event = eventOf(flow);
    this.turn = new TimedTurn(event, this);
    this.shown = new Shown(flow, withTurn(event, this.turn));
  }
}

/** The turn of an event within a deadline: all that is done with it is done with that of the event itself. */
class TimedTurn extends DerivedTurn {
  readonly timed: Timed;

  constructor(event: StageEvent, timed: Timed) {
    super(event);
    this.timed = timed;
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
}
