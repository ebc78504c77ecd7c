import type { OperatorFunction } from 'rxjs';

import type { Flow, StageEvent } from '../session/flow.js';
import { BIT, bitOf } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { openChain } from './core/chain.js';
import { failedEvent } from './core/failed-event.js';
import { type Filter, interestOf, makeFilter, stepsOf, tagsOf } from './core/filter.js';
import { type Downstream, RunningStep, type Step, type Upstream } from './core/step.js';

/**
 * Gives each message a filter of its own, with state of its own.
 *
 * @remarks
 * It is made at the first event of a message that it wants. What runs in it is cancelled when the message is over: after
 * `eom`, at an abort, after a decision about the whole message. Events that belong to no message pass it by. Where the
 * factory throws, that event gets the failure decision. It is also called once beforehand, to learn which stages the
 * filter wants: it should do nothing but make it.
 *
 * @example
 * perMessage(() => {
 *   let count = 0;
 *   return on('rcpt', () => (++count > 10 ? tempfail('Too many recipients') : undefined));
 * })
 */
export function perMessage(factory: () => OperatorFunction<Flow, Flow>): Filter {
  return scoped('perMessage()', factory, {
    begins: BIT.mail,
    outside: BIT.connect | BIT.helo | BIT.unknown,
    ends: BIT.eom | BIT.abort | BIT.close,
    message: true,
  });
}

/**
 * Gives each SMTP connection a filter of its own, with state of its own.
 *
 * @remarks
 * It is made at the first event that it wants and dies after `close`; all else is as with `perMessage()`.
 *
 * @example
 * perConnection(() => {
 *   let refused = 0;
 *   return on('rcpt', (rcpt) => (refused > 10 ? tempfail('Slow down') : known(rcpt) ? undefined : (refused++, reject())));
 * })
 */
export function perConnection(factory: () => OperatorFunction<Flow, Flow>): Filter {
  return scoped('perConnection()', factory, { begins: 0, outside: 0, ends: BIT.close, message: false });
}

/** How long one filter made by the factory lives. */
interface Lifetime {
  /** Sets of stages: before these a new one is made; at these no new one is made; after these it ends. */
  readonly begins: number;
  readonly outside: number;
  readonly ends: number;
  /** Whether it also ends where the connection says that the message is over. */
  readonly message: boolean;
}

function scoped(where: string, factory: () => OperatorFunction<Flow, Flow>, lifetime: Lifetime): Filter {
  if (typeof (factory as unknown) !== 'function') {
    throw new TypeError(`${where}: the first argument has to be a function that makes a filter.`);
  }
  const make = (): readonly Step[] => stepsOf(factory(), `${where}: what the function returned`);
  // What it needs has to be known before there is a message, so one is made only to be asked.
  const steps = make();
  // Replies too: a message begins and ends also where an earlier filter has decided its first event or its last.
  const own = lifetime.begins | lifetime.ends | BIT.abort | BIT.close | BIT.reply;
  return makeFilter([
    {
      tags: tagsOf(steps),
      interest: own | interestOf(steps),
      open: (down) => new ScopedRun(make, lifetime, down),
    },
  ]);
}

class ScopedRun extends RunningStep {
  readonly #make: () => readonly Step[];
  readonly #lifetime: Lifetime;
  #current: Life | undefined;

  constructor(make: () => readonly Step[], lifetime: Lifetime, down: Downstream) {
    super(down);
    this.#make = make;
    this.#lifetime = lifetime;
  }

  override next(flow: Flow): void {
    const bit = eventBit(flow);
    const { begins, outside } = this.#lifetime;
    if ((begins & bit) !== 0) this.cancel();
    const passes = flow.stage === 'reply' || ((outside | BIT.abort | BIT.close) & bit) !== 0;
    if (this.#current === undefined && !passes) {
      try {
        this.#begin(flow as StageEvent);
      } catch (error) {
        // Forgotten, so that the next event is not let through unseen but tries, and fails, again.
        this.#current = undefined;
        this.down.next(failedEvent(flow as StageEvent, error));
        return;
      }
    }
    (this.#current?.inlet ?? this.down).next(flow);
  }

  override complete(): void {
    super.complete();
    this.#current?.inlet.complete();
  }

  /** A filter has let something out. */
  out(life: Life, flow: Flow): void {
    const ends = (eventBit(flow) & this.#lifetime.ends) !== 0;
    // The end comes first: what the MTA makes of the answer may be the beginning of the next message.
    if (ends && this.#current === life) this.#current = undefined;
    this.down.next(flow);
    if (ends) this.end(life);
  }

  /** The time of a filter is over, or it is through and the source as well. */
  end(life: Life): void {
    if (this.#current === life) this.#current = undefined;
    life.chain?.close();
    this.settle();
  }

  /** A filter is through. Before its time is over it leaves the rest to those after it. */
  through(life: Life): void {
    life.through = true;
    if (this.completed) this.end(life);
  }

  protected override isBusy(): boolean {
    return this.#current !== undefined;
  }

  protected override cancel(): void {
    const life = this.#current;
    this.#current = undefined;
    life?.chain?.close();
  }

  #begin(event: StageEvent): void {
    const life = new Life(this);
    this.#current = life;
    life.chain = openChain(this.#make(), life);
    // It may have been over before it was there.
    if (this.#current !== life) life.chain.close();
    else if (this.#lifetime.message) turnOf(event)?.message?.onEnd(() => this.end(life));
  }
}

/** One filter and its life. */
class Life implements Downstream {
  chain: Upstream | undefined;
  through = false;
  readonly #run: ScopedRun;

  constructor(run: ScopedRun) {
    this.#run = run;
  }

  /** What is for the filter; where that is not there any more, it passes. */
  get inlet(): Downstream {
    return this.through ? this : (this.chain ?? this);
  }

  next(flow: Flow): void {
    this.#run.out(this, flow);
  }

  error(error: unknown): void {
    this.#run.error(error);
  }

  complete(): void {
    this.#run.through(this);
  }
}

/** The bit of the stage of an event, also of one that was decided. */
function eventBit(flow: Flow): number {
  return bitOf(flow.stage === 'reply' ? flow.to.stage : flow.stage);
}
