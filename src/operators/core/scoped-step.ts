import type { OperatorFunction } from 'rxjs';

import type { Flow, StageEvent } from '../../session/flow.js';
import { BIT, bitOf, type FlowStage } from '../../session/stage.js';
import { turnOf } from '../../session/turn.js';
import { openChain } from './chain.js';
import { failedEvent } from './failed-event.js';
import { stepsOf, tagsOf } from './filter.js';
import type { Downstream, Step, Upstream } from './step.js';

/** How long one filter made by the factory lives. */
export interface Lifetime {
  /** Sets of stages: before these a new one is made; at these no new one is made; after these it ends. */
  readonly begins: number;
  readonly outside: number;
  readonly ends: number;
  /** Whether it also ends where the connection says that the message is over. */
  readonly message: boolean;
}

/** A step that makes its filter anew for each message or connection. */
export function scopedStep(
  where: string,
  factory: () => OperatorFunction<Flow, Flow>,
  lifetime: Lifetime,
): Step {
  // What it needs has to be known before there is a message, so one is made only to be asked.
  if (typeof (factory as unknown) !== 'function') {
    throw new TypeError(`${where}: the first argument has to be a function that makes a filter.`);
  }
  const which = `${where}: what the function returned`;
  const steps = stepsOf(factory(), which);
  // Replies too: a message begins and ends also where an earlier filter has decided its first event or its last.
  const own = lifetime.begins | lifetime.ends | BIT.abort | BIT.close | BIT.reply;
  return {
    tags: tagsOf(steps),
    interest: steps.reduce((set, step) => set | step.interest, own),
    open: (down) => new ScopedRun(() => stepsOf(factory(), which), lifetime, down),
  };
}

class ScopedRun implements Upstream {
  readonly #factory: () => readonly Step[];
  readonly #lifetime: Lifetime;
  readonly #down: Downstream;
  #current: Instance | undefined;

  constructor(factory: () => readonly Step[], lifetime: Lifetime, down: Downstream) {
    this.#factory = factory;
    this.#lifetime = lifetime;
    this.#down = down;
  }

  next(flow: Flow): void {
    const bit = bitOf(stageOf(flow));
    if ((this.#lifetime.begins & bit) !== 0) this.close();
    if (this.#current === undefined) {
      if (flow.stage === 'reply' || ((this.#lifetime.outside | BIT.abort | BIT.close) & bit) !== 0) {
        this.#down.next(flow);
        return;
      }
      try {
        this.#open(flow);
      } catch (error) {
        // Forgotten, so that the next event is not let through unseen but tries, and fails, again.
        this.#current = undefined;
        this.#down.next(failedEvent(flow as StageEvent, error));
        return;
      }
    }
    if (this.#current === undefined) this.#down.next(flow);
    else this.#current.push(flow);
  }

  error(error: unknown): void {
    this.close();
    this.#down.error(error);
  }

  complete(): void {
    const current = this.#current;
    if (current === undefined) this.#down.complete();
    else current.end();
  }

  close(): void {
    const current = this.#current;
    this.#current = undefined;
    current?.close();
  }

  #open(flow: Flow): void {
    const current = new Instance(this.#down, this.#lifetime.ends, () => {
      if (this.#current === current) this.#current = undefined;
    });
    this.#current = current;
    current.start(this.#factory());
    if (!this.#lifetime.message) return;
    turnOf(flow)?.message?.onEnd(() => {
      current.finish();
    });
  }
}

/** One filter and its life. */
class Instance implements Downstream {
  readonly #down: Downstream;
  readonly #ends: number;
  readonly #gone: () => void;
  #chain: Upstream | undefined;
  #closed = false;
  /** What runs in it has completed. */
  #through = false;
  /** The source has completed: so does this, once what runs in it is done. */
  #last = false;

  constructor(down: Downstream, ends: number, gone: () => void) {
    this.#down = down;
    this.#ends = ends;
    this.#gone = gone;
  }

  start(steps: readonly Step[]): void {
    const chain = openChain(steps, this);
    // It may have been through, or over, before it was there.
    if (this.#through || this.#closed) chain.close();
    else this.#chain = chain;
  }

  next(flow: Flow): void {
    if (this.#closed) return;
    const ends = (bitOf(stageOf(flow)) & this.#ends) !== 0;
    // The end comes first: what the MTA makes of the answer may be the beginning of the next message.
    if (ends) this.#gone();
    this.#down.next(flow);
    if (ends) this.finish();
  }

  /** From above. */
  push(flow: Flow): void {
    if (this.#chain === undefined) this.next(flow);
    else this.#chain.next(flow);
  }

  error(error: unknown): void {
    if (!this.#closed) this.#down.error(error);
  }

  /** An operator that is through before its message is leaves the rest of it to those after it. */
  complete(): void {
    if (this.#closed) return;
    const chain = this.#chain;
    this.#through = true;
    this.#chain = undefined;
    chain?.close();
    if (this.#last) this.finish();
  }

  /** Its time is over. */
  finish(): void {
    if (this.#closed) return;
    this.close();
    if (this.#last) this.#down.complete();
  }

  end(): void {
    this.#last = true;
    if (this.#chain === undefined) this.finish();
    else this.#chain.complete();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gone();
    this.#chain?.close();
  }
}

function stageOf(flow: Flow): FlowStage {
  return flow.stage === 'reply' ? flow.to.stage : flow.stage;
}
