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
import { type Look, type LookOwner, Passing, type ShadowMessage, lookOf } from './look.js';
import { type ShadowReport, failedAt, wouldBe } from './report.js';

/**
 * A filter in the shadow, and what it has not seen yet: it gets one event at a time, as it would of an MTA that waits,
 * and what comes meanwhile is kept.
 */
export class ShadowFilter implements LookOwner {
  readonly readers: number;
  readonly decides: number;
  readonly #report: ShadowReport;
  /** It has done all that there was. */
  readonly #rest: () => void;
  #chain: Upstream | undefined;
  /** What it has been given and not let out yet. */
  #active: Look | undefined;
  #newest: Look | undefined;
  #queue: (Look | Passing)[] = [];
  #kept = 0;
  #pumping = false;
  /** It has decided about the whole connection. */
  #released = false;
  /** It is broken, or has ended. */
  #dead = false;
  /** Why, as long as there is nothing to tell it of. */
  #unsaid: Error | undefined;

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
        this.die(error);
      },
      complete: () => {
        this.die(new Error('it completed before the connection was over'));
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
  failed(about: Look | Passing, error: Error): void {
    this.#report.failed(about, error);
  }

  /** Shows it an event, now or later. */
  push(item: Look | Passing): void {
    if (this.#dead) return;
    this.#queue.push(item);
    if (!(item instanceof Passing)) this.#kept += item.size;
    this.#pump();
  }

  /** Both sides may have answered. */
  settle(look: Look): void {
    if (look.settled || look.would === undefined || look.did === undefined) return;
    look.settle();
    this.#report.compare(look);
  }

  /** The event is not compared any more. */
  drop(look: Look): void {
    if (this.#active === look) this.#active = undefined;
    look.cancel();
  }

  /** The message was aborted. */
  abort(message: ShadowMessage, abort: Passing): void {
    this.#dropAll((look) => look.message === message);
    if (this.#active?.message === message) this.drop(this.#active);
    if (message.begun && !message.over) this.#chain?.next(abort.copy);
    message.over = true;
    message.endIfDone();
    this.#pump();
  }

  /** It has taken too long: it gets nothing of what has come by now. */
  giveUp(why: string): void {
    const looks = [this.#active, ...this.#queue].filter(
      (one): one is Look => !!one && !(one instanceof Passing),
    );
    const stuck = looks[0];
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
    for (const message of new Set(looks.map((look) => look.message))) {
      if (message === undefined) continue;
      message.over = true;
      message.endIfDone();
    }
    this.#dropAll(() => true);
    this.#pump();
  }

  /** It has failed as a whole, or ended. */
  die(error: unknown): void {
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
    else this.#unsaid = failure;
    this.end();
  }

  /** Tells of what nothing was there to tell of. */
  sayWhy(look: () => Look): void {
    const error = this.#unsaid;
    this.#unsaid = undefined;
    if (error !== undefined) this.failed(look(), error);
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

  #give(item: Look | Passing): void {
    const { view } = item;
    view.moment = item.moment;
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
    const look = lookOf(turnOf(eventOf(flow)));
    if (look?.would !== undefined || look?.settled !== false) {
      this.#late(flow, look);
      return;
    }
    look.would = wouldBe(flow, look);
    if (this.#active === look) this.#active = undefined;
    this.#heed(look, look.would.decision);
    this.settle(look);
    this.#pump();
  }

  #late(flow: StageEvent | Reply, look: Look | undefined): void {
    const about = look ?? this.#newest;
    if (flow.stage !== 'reply' || about === undefined || flow === look?.copy) return;
    const why = 'the event was answered already, its message aborted, or the filter given up.';
    this.failed(about, causeOf(flow) ?? new StaleReplyError(flow.to.stage, why));
  }

  /** What its decision means for what it sees later, as the MTA would have it. */
  #heed({ event: { stage }, message }: Look, decision: Difference['would']['decision']): void {
    const reach = scopeOf(stage, decision);
    if (reach === 'event') return;
    if (reach === 'connection') this.#released = true;
    else if (message !== undefined) message[reach === 'body' ? 'enough' : 'over'] = true;
    this.#dropAll((look) => {
      if (reach === 'connection') return true;
      return look.message === message && (reach === 'message' || look.event.stage === 'body');
    });
  }

  #dropAll(which: (look: Look) => boolean): void {
    const dropped: Look[] = [];
    this.#queue = this.#queue.filter((item) => {
      if (item instanceof Passing || !which(item)) return true;
      dropped.push(item);
      return false;
    });
    for (const look of dropped) {
      this.#kept -= look.size;
      look.cancel();
    }
  }
}
