import { scopeOf } from '../../session/decision-scope.js';
import { ProjectError, StaleReplyError, UnansweredError } from '../../session/errors.js';
import { causeOf } from '../../session/failures.js';
import type { Reply, StageEvent } from '../../session/flow.js';
import type { Tags } from '../../session/negotiation/tags.js';
import { turnOf } from '../../session/turn.js';
import { openChain } from '../core/chain.js';
import { eventOf } from '../core/derived-turn.js';
import type { Step, Upstream } from '../core/step.js';
import type { Difference } from './compare.js';
import {
  type Comparison,
  type ComparisonOwner,
  Passing,
  type ShadowMessage,
  comparisonOf,
} from './comparison.js';
import { type ShadowReport, failedAt, wouldBe } from './report.js';

/**
 * A filter in the shadow, and what it has not seen yet: it gets one event at a time, as it would of an MTA that waits,
 * and what comes meanwhile is kept.
 */
export class ShadowFilter implements ComparisonOwner {
  readonly readers: number;
  readonly decides: number;
  readonly #report: ShadowReport;
  /** It has done all that there was. */
  readonly #rest: () => void;
  #chain: Upstream | undefined;
  /** What it has been given and not let out yet. */
  #active: Comparison | undefined;
  #newest: Comparison | undefined;
  #queue: (Comparison | Passing)[] = [];
  #kept = 0;
  #pumping = false;
  /** It has decided about the whole connection. */
  #released = false;
  /** It is broken, or has ended. */
  #dead = false;
  /** Its failure, as long as there was no event to report it at. */
  #unreported: Error | undefined;

  constructor(steps: readonly Step[], { readers, decides }: Tags, report: ShadowReport, rest: () => void) {
    this.readers = readers;
    this.decides = decides;
    this.#report = report;
    this.#rest = rest;
    const chain = openChain(steps, {
      next: (flow) => {
        if (flow.stage !== 'abort' && flow.stage !== 'close') this.#out(flow);
      },
      error: (error) => {
        this.fail(error);
      },
      complete: () => {
        this.fail(new Error('it completed before the connection was over'));
      },
    });
    if (this.#dead) chain.close();
    else this.#chain = chain;
  }

  /** Whether what comes now has to wait. */
  get isBusy(): boolean {
    return this.#pumping || this.#active !== undefined || this.#queue.length > 0;
  }

  /** How many bytes are kept for it. */
  get kept(): number {
    return this.#kept;
  }

  /** Whether it sees no more of the connection. */
  get isDeaf(): boolean {
    return this.#dead || this.#released;
  }

  /** See `LookOwner`. */
  failed(about: Comparison | Passing, error: Error): void {
    this.#report.failed(about, error);
  }

  /** Shows it an event, now or later. */
  push(item: Comparison | Passing): void {
    if (this.#dead) return;
    this.#queue.push(item);
    if (!(item instanceof Passing)) this.#kept += item.size;
    this.#pump();
  }

  /** Both sides may have answered. */
  settle(comparison: Comparison): void {
    if (comparison.settled || comparison.would === undefined || comparison.did === undefined) return;
    comparison.settle();
    this.#report.compare(comparison);
  }

  /** The event is not compared any more. */
  drop(comparison: Comparison): void {
    if (this.#active === comparison) this.#active = undefined;
    comparison.cancel();
  }

  /** The message was aborted. */
  abort(message: ShadowMessage, abort: Passing): void {
    this.#dropAll((comparison) => comparison.message === message);
    if (this.#active?.message === message) this.drop(this.#active);
    if (message.begun && !message.over) this.#chain?.next(abort.copy);
    message.over = true;
    message.endIfDone();
    this.#pump();
  }

  /** It has taken too long: it gets nothing of what has come by now. */
  giveUp(why: string): void {
    const comparisons = [this.#active, ...this.#queue].filter(
      (one): one is Comparison => !!one && !(one instanceof Passing),
    );
    const stuck = comparisons[0];
    if (stuck === undefined) return;
    this.failed(
      stuck,
      new UnansweredError(stuck.event.stage, `${why}; the filter in the shadow was given up there.`),
    );
    this.drop(stuck);
    if (stuck.message?.begun === true) {
      const { session } = stuck.event;
      this.#chain?.next(new Passing(this, { stage: 'abort', session }, stuck.view, false).copy);
    }
    for (const message of new Set(comparisons.map((comparison) => comparison.message))) {
      if (message === undefined) continue;
      message.over = true;
      message.endIfDone();
    }
    this.#dropAll(() => true);
    this.#pump();
  }

  /** It has failed as a whole, or ended. */
  fail(error: unknown): void {
    if (this.#dead) return;
    const active = this.#active;
    const about = active ?? this.#newest;
    const failure = new ProjectError(about?.event.stage ?? 'close', error);
    this.#active = undefined;
    this.#dead = true;
    if (active !== undefined) {
      active.would = failedAt(active, failure);
      this.settle(active);
    } else if (about !== undefined) this.failed(about, failure);
    else this.#unreported = failure;
    this.end();
  }

  /** Reports an error that had no event to be reported at. */
  reportUnreported(comparison: () => Comparison): void {
    const error = this.#unreported;
    this.#unreported = undefined;
    if (error !== undefined) this.failed(comparison(), error);
  }

  /** Cancels what runs: it is not wanted any more. */
  end(): void {
    this.#dead = true;
    this.#dropAll(() => true);
    if (this.#active !== undefined) this.drop(this.#active);
    this.#queue = [];
    const chain = this.#chain;
    this.#chain = undefined;
    chain?.close();
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#active === undefined) {
        const item = this.#queue.shift();
        if (item === undefined) break;
        this.#give(item);
      }
    } finally {
      this.#pumping = false;
    }
    if (!this.isBusy) this.#rest();
  }

  #give(item: Comparison | Passing): void {
    const { view } = item;
    view.snapshot = item.snapshot;
    if (item instanceof Passing) {
      if (item.event.stage === 'close') this.#released = false;
      this.#chain?.next(item.copy);
      return;
    }
    this.#kept -= item.size;
    if (item.settled) return;
    if (item.message !== undefined) item.message.begun = true;
    this.#active = this.#newest = item;
    this.#chain?.next(item.copy);
    // The mail goes on, and with it what is known of the session.
    if (item.would === undefined) view.keep();
  }

  #out(flow: StageEvent | Reply): void {
    const comparison = comparisonOf(turnOf(eventOf(flow)));
    if (comparison?.would !== undefined || comparison?.settled !== false) {
      this.#late(flow, comparison);
      return;
    }
    comparison.would = wouldBe(flow, comparison);
    if (this.#active === comparison) this.#active = undefined;
    this.#apply(comparison, comparison.would.decision);
    this.settle(comparison);
    this.#pump();
  }

  #late(flow: StageEvent | Reply, comparison: Comparison | undefined): void {
    const about = comparison ?? this.#newest;
    if (flow.stage !== 'reply' || about === undefined || flow === comparison?.copy) return;
    const why = 'the event was answered already, its message aborted, or the filter given up.';
    this.failed(about, causeOf(flow) ?? new StaleReplyError(flow.to.stage, why));
  }

  /** What its decision means for what it sees later, as the MTA would have it. */
  #apply({ event: { stage }, message }: Comparison, decision: Difference['would']['decision']): void {
    const scope = scopeOf(stage, decision);
    if (scope === 'event') return;
    if (scope === 'connection') this.#released = true;
    else if (message !== undefined) message[scope === 'body' ? 'enough' : 'over'] = true;
    this.#dropAll((comparison) => {
      if (scope === 'connection') return true;
      return comparison.message === message && (scope === 'message' || comparison.event.stage === 'body');
    });
  }

  #dropAll(which: (comparison: Comparison) => boolean): void {
    const dropped: Comparison[] = [];
    this.#queue = this.#queue.filter((item) => {
      if (item instanceof Passing || !which(item)) return true;
      dropped.push(item);
      return false;
    });
    for (const comparison of dropped) {
      this.#kept -= comparison.size;
      comparison.cancel();
    }
  }
}
