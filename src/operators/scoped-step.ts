import type { OperatorFunction } from 'rxjs';

import type { Flow, StageEvent } from '../session/flow.js';
import { BIT, type FlowStage } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { openChain } from './chain.js';
import { failedEvent } from './failed-event.js';
import { stepsOf, tagsOf } from './filter.js';
import type { Downstream, Step, Upstream } from './step.js';

/** How long one filter made by the factory lives. */
export interface Lifetime {
  /** Sets of stages: before these a new one is made; at these there is none, if one is not there already; after these it ends. */
  readonly begins: number;
  readonly outside: number;
  readonly ends: number;
  /** Whether it also ends where the connection says that the message is over. */
  readonly message: boolean;
}

/** A step that makes its filter anew for each message or connection. */
export function scopedStep(factory: () => OperatorFunction<Flow, Flow>, lifetime: Lifetime): Step {
  // What it needs has to be known before there is a message, so one is made only to be asked.
  const steps = stepsOf(factory());
  const tags = tagsOf(steps);
  const opaque = steps.some((step) => (step.interest & BIT.reply) !== 0);
  const wanted = tags.decides | tags.observes | lifetime.begins | lifetime.ends | BIT.abort | BIT.close;
  return {
    tags,
    interest: opaque ? -1 : wanted,
    open: (down) => new ScopedRun(factory, lifetime, down),
  };
}

class ScopedRun implements Upstream {
  readonly #factory: () => OperatorFunction<Flow, Flow>;
  readonly #lifetime: Lifetime;
  readonly #down: Downstream;
  #current: Instance | undefined;

  constructor(factory: () => OperatorFunction<Flow, Flow>, lifetime: Lifetime, down: Downstream) {
    this.#factory = factory;
    this.#lifetime = lifetime;
    this.#down = down;
  }

  next(flow: Flow): void {
    const bit = BIT[flow.stage];
    if ((this.#lifetime.begins & bit) !== 0) this.close();
    if (this.#current === undefined) {
      if (((this.#lifetime.outside | BIT.abort | BIT.close | BIT.reply) & bit) !== 0) {
        this.#down.next(flow);
        return;
      }
      try {
        this.#open(flow);
      } catch (error) {
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
    current.start(stepsOf(this.#factory()));
    if (!this.#lifetime.message) return;
    turnOf(flow)?.message?.onEnd(() => {
      current.close();
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
  /** The source has completed: so does this, once what runs in it is done. */
  #last = false;

  constructor(down: Downstream, ends: number, gone: () => void) {
    this.#down = down;
    this.#ends = ends;
    this.#gone = gone;
  }

  start(steps: readonly Step[]): void {
    try {
      this.#chain = openChain(steps, this);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  next(flow: Flow): void {
    if (this.#closed) return;
    const ends = (BIT[stageOf(flow)] & this.#ends) !== 0;
    // The end comes first: what the MTA makes of the answer may be the beginning of the next message.
    if (ends) this.#gone();
    this.#down.next(flow);
    if (!ends) return;
    this.close();
    if (this.#last) this.#down.complete();
  }

  /** From above. */
  push(flow: Flow): void {
    if (this.#chain === undefined) this.#down.next(flow);
    else this.#chain.next(flow);
  }

  error(error: unknown): void {
    if (!this.#closed) this.#down.error(error);
  }

  /** An operator that is through before its message is leaves the rest of it to those after it. */
  complete(): void {
    if (this.#closed) return;
    this.close();
    if (this.#last) this.#down.complete();
  }

  end(): void {
    this.#last = true;
    if (this.#chain === undefined) this.#down.complete();
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
