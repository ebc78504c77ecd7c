import type { Flow } from '../session/flow.js';
import { bitOf } from '../session/stage.js';
import { letGo } from './let-go.js';
import type { Downstream, Step, Upstream } from './step.js';

/** Several steps in a row, running: each flow visits only those that want it. */
class Chain implements Upstream {
  readonly #steps: readonly Step[];
  readonly #running: Upstream[] = [];
  readonly #down: Downstream;
  #closed = false;

  constructor(steps: readonly Step[], down: Downstream) {
    this.#steps = steps;
    this.#down = down;
    // From the last to the first: a step may let something through as soon as it is opened.
    for (let index = steps.length - 1; index >= 0 && !this.#closed; index--) {
      const step = steps[index];
      if (step !== undefined) this.#running[index] = step.open(new Link(this, index + 1));
    }
  }

  next(flow: Flow): void {
    this.pass(flow, 0);
  }

  error(error: unknown): void {
    this.fail(error, 0);
  }

  complete(): void {
    this.end(0);
  }

  /** Also at the end of all: what ended it may have been in the middle, and those before it know nothing of that. */
  close(): void {
    this.#closed = true;
    // Those that are there: it may be over while it is being opened.
    this.#running.forEach((running) => {
      letGo(() => running.close(), 'close');
    });
  }

  /** Hands the flow to the next step from `index` on that wants it. */
  pass(flow: Flow, index: number): void {
    const bit = bitOf(flow.stage);
    const steps = this.#steps;
    for (let at = index; at < steps.length; at++) {
      if (((steps[at]?.interest ?? 0) & bit) !== 0) {
        this.#running[at]?.next(flow);
        return;
      }
    }
    this.#down.next(flow);
  }

  fail(error: unknown, index: number): void {
    const next = this.#running[index];
    if (next === undefined) this.close();
    (next ?? this.#down).error(error);
  }

  end(index: number): void {
    const next = this.#running[index];
    if (next === undefined) this.close();
    (next ?? this.#down).complete();
  }
}

/** What a step in a chain sees of those after it. */
class Link implements Downstream {
  readonly #chain: Chain;
  readonly #index: number;

  constructor(chain: Chain, index: number) {
    this.#chain = chain;
    this.#index = index;
  }

  next(flow: Flow): void {
    this.#chain.pass(flow, this.#index);
  }

  error(error: unknown): void {
    this.#chain.fail(error, this.#index);
  }

  complete(): void {
    this.#chain.end(this.#index);
  }
}

/** Starts the steps, one after the other, with `down` at their end. */
export function openChain(steps: readonly Step[], down: Downstream): Upstream {
  return new Chain(steps, down);
}
