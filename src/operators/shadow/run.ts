import { type Subscription, timer } from 'rxjs';

import type { Abort, Flow, MilterEvent, Reply, StageEvent } from '../../session/flow.js';
import type { Tags } from '../../session/negotiation/tags.js';
import type { SessionInfo } from '../../session/session-info.js';
import { BIT, bitOf } from '../../session/stage.js';
import { type Turn, turnOf } from '../../session/turn.js';
import { eventOf } from '../core/derived-turn.js';
import type { Downstream, Step, Upstream } from '../core/step.js';
import type { Difference } from './compare.js';
import { Comparison, Passing, ShadowMessage, ShadowSession, sizeOf } from './comparison.js';
import { ShadowFilter } from './filter.js';
import { NO_ANSWER, ShadowReport } from './report.js';

const OUTSIDE = BIT.connect | BIT.helo;

/** The message in progress, and what a filter in the shadow has of it. */
export class ShadowMessages {
  #current: ShadowMessage | undefined;
  /** What the connection knows the message as. */
  #key: object | undefined;

  get current(): ShadowMessage | undefined {
    return this.#current;
  }

  /** The message that the event belongs to, where it belongs to one. */
  of(event: StageEvent): ShadowMessage | undefined {
    const turn = turnOf(event);
    if ((bitOf(event.stage) & OUTSIDE) !== 0) return undefined;
    const key = turn?.message;
    if (event.stage === 'unknown' && key === undefined) return this.#current;
    const begins = turn === undefined ? event.stage === 'mail' : key !== this.#key;
    if (begins) this.forget();
    if (this.#current !== undefined) return this.#current;
    const message = new ShadowMessage();
    this.#current = message;
    this.#key = key;
    key?.onEnd(() => {
      if (this.#current === message) this.forget();
    });
    return message;
  }

  /** For the mail it is over. */
  forget(): void {
    const message = this.#current;
    this.#current = undefined;
    this.#key = undefined;
    if (message === undefined) return;
    message.past = true;
    message.endIfDone();
  }
}

interface Terms {
  readonly steps: readonly Step[];
  readonly tags: Tags;
  /** What the filter wants to see. */
  readonly interest: number;
  readonly report: (difference: Difference) => unknown;
  readonly maxBytes: number;
  readonly linger: number;
}

/** Lets all mail pass as it comes, and shows it to a filter in the shadow. */
export class ShadowRun implements Upstream {
  readonly #terms: Terms;
  readonly #down: Downstream;
  readonly #filter: ShadowFilter;
  readonly #messages = new ShadowMessages();
  #view: { readonly of: SessionInfo; readonly session: ShadowSession } | undefined;
  #closed = false;
  /** The connection is over, and the filter is not through. */
  #linger: Subscription | undefined;

  constructor(terms: Terms, down: Downstream) {
    const { steps, tags, report } = terms;
    this.#terms = terms;
    this.#down = down;
    this.#filter = new ShadowFilter(steps, tags, new ShadowReport(report, tags.decides), () => {
      this.#linger?.unsubscribe();
      this.#linger = undefined;
      if (this.#closed) this.#filter.end();
    });
  }

  next(flow: Flow): void {
    try {
      if (!this.#closed) this.#see(flow);
    } catch (error) {
      this.#filter.fail(error);
    }
    this.#down.next(flow);
  }

  error(error: unknown): void {
    this.close();
    this.#down.error(error);
  }

  complete(): void {
    this.#outlive();
    this.#down.complete();
  }

  close(): void {
    this.#closed = true;
    if (this.#linger === undefined) this.#filter.end();
  }

  #see(flow: Flow): void {
    if (flow.stage === 'abort') {
      this.#onAbort(flow);
    } else if (flow.stage === 'close') {
      this.#messages.forget();
      this.#filter.push(this.#passing(flow));
      this.#outlive();
    } else {
      const event = eventOf(flow);
      const turn = turnOf(event);
      // It is not known what became of one that is over.
      if (turn?.ended === true) return;
      const message = this.#messages.of(event);
      if ((bitOf(flow.stage) & this.#terms.interest) !== 0) this.#show(flow, event, message, turn);
      // A drawing does not say when the message is over.
      if (event.stage === 'eom' && turn === undefined) this.#messages.forget();
    }
  }

  #show(
    flow: StageEvent | Reply,
    event: StageEvent,
    message: ShadowMessage | undefined,
    turn: Turn | undefined,
  ): void {
    const filter = this.#filter;
    const later = filter.isBusy;
    const comparison = (): Comparison => new Comparison(filter, flow, this.#viewOf(event), message, later);
    filter.reportUnreported(comparison);
    if (this.#isWanted(event, message)) {
      if (later && filter.kept + sizeOf(event) > this.#terms.maxBytes) {
        filter.giveUp(`more than ${this.#terms.maxBytes} bytes have come while it was looked at`);
        if (message !== undefined) message.over = true;
      } else {
        this.#push(comparison(), turn);
      }
    }
    // Asked anew: by now it may have had enough.
    const leaves = event.stage === 'body' && filter.readers > 0 && !this.#isWanted(event, message);
    if (leaves) turn?.releaseBody();
  }

  #isWanted({ stage }: StageEvent, message: ShadowMessage | undefined): boolean {
    if (this.#filter.isDeaf || message?.over === true) return false;
    return stage !== 'body' || message?.enough !== true;
  }

  #push(comparison: Comparison, turn: Turn | undefined): void {
    if (comparison.message !== undefined) comparison.message.pending++;
    if (turn === undefined) comparison.did = NO_ANSWER;
    this.#filter.push(comparison);
    turn?.onEnd(() => {
      const { decision, modifications = [] } = turn;
      if (decision === undefined && turn.mode !== 'silent') {
        // The MTA does not wait for an answer any more.
        this.#filter.drop(comparison);
      } else {
        comparison.did = { decision, modifications };
        this.#filter.settle(comparison);
      }
    });
  }

  #onAbort(abort: Abort): void {
    const message = this.#messages.current;
    const passing = this.#passing(abort);
    if (message === undefined) this.#filter.push(passing);
    else this.#filter.abort(message, passing);
    this.#messages.forget();
  }

  #passing(event: Extract<MilterEvent, { stage: 'abort' | 'close' }>): Passing {
    return new Passing(this.#filter, event, this.#viewOf(event), this.#filter.isBusy);
  }

  /** The connection is over: what the filter is still about it may finish. */
  #outlive(): void {
    const { linger } = this.#terms;
    if (!this.#filter.isBusy || this.#linger !== undefined) return;
    if (linger === 0) {
      this.#filter.giveUp('its connection was over');
      return;
    }
    this.#linger = timer(linger).subscribe(() => {
      this.#linger = undefined;
      this.#filter.giveUp(`its connection has been over for ${linger} ms`);
      if (this.#closed) this.#filter.end();
    });
  }

  #viewOf({ session }: MilterEvent): ShadowSession {
    if (this.#view?.of !== session) this.#view = { of: session, session: new ShadowSession(session) };
    return this.#view.session;
  }
}
