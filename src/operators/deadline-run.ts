import { timer, type Subscription } from 'rxjs';

import { ignoreRejection } from '../common/promises.js';
import type { Site } from '../session/answer-place.js';
import { causeOf } from '../session/failed-reply.js';
import type { Flow, Reply, StageEvent } from '../session/flow.js';
import { bitOf } from '../session/stage.js';
import { StaleReplyError } from '../session/stale-reply-error.js';
import { turnOf } from '../session/turn.js';
import { Answers } from './answers.js';
import { openChain } from './chain.js';
import type { LateDecision } from './deadline.js';
import { DerivedTurn, Shown, eventOf, isSilent, withTurn } from './derived-turn.js';
import { failedEvent } from './failed-event.js';
import type { Downstream, Step, Upstream } from './step.js';

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
    // One that is through too early leaves its events to nobody: as with any operator, that is the end of all.
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
