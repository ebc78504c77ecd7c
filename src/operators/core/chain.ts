import { warn } from '../../common/write-error.js';
import type { Connection } from '../../session/connection/connection.js';
import { ProjectError } from '../../session/errors.js';
import type { Flow } from '../../session/flow.js';
import type { Tags } from '../../session/negotiation/tags.js';
import { bitOf } from '../../session/stage.js';
import { type Downstream, RunningStep, type Step, type Upstream } from './step.js';
import { tellUnasked } from './unasked.js';

/** Several steps in a row, running. */
interface Chain {
  readonly steps: readonly Step[];
  /** What each of them wants: read for every event, and so kept by itself. */
  readonly interests: readonly number[];
  readonly running: Upstream[];
  readonly down: Downstream;
  /** Nothing goes in or comes out any more. */
  closed: boolean;
}

/** The steps of a chain from `index` on, as those before them see them. Each flow visits only the steps that want it. */
class Link implements Upstream {
  readonly #chain: Chain;
  readonly #index: number;

  constructor(chain: Chain, index: number) {
    this.#chain = chain;
    this.#index = index;
  }

  next(flow: Flow): void {
    const { interests, running, down, closed } = this.#chain;
    if (closed) return;
    const { stage } = flow;
    if (stage === 'reply') tellUnasked(this.#chain.steps, this.#index, flow);
    const bit = bitOf(stage);
    for (let at = this.#index; at < interests.length; at++) {
      if (((interests[at] ?? 0) & bit) !== 0) {
        running[at]?.next(flow);
        return;
      }
    }
    down.next(flow);
  }

  error(error: unknown): void {
    this.#end()?.error(error);
  }

  complete(): void {
    this.#end()?.complete();
  }

  close(): void {
    const chain = this.#chain;
    chain.closed = true;
    // Those that are there: the chain may be over while it is being opened.
    chain.running.forEach((running) => {
      try {
        running.close();
      } catch (error) {
        // What a teardown of other code throws must not take the connection with it, in the middle of another turn.
        warn(new ProjectError('close', error));
      }
    });
  }

  /** What gets an end: the next step; behind the last one, once, what comes after the chain. */
  #end(): Downstream | undefined {
    const { running, down, closed } = this.#chain;
    const next = running[this.#index];
    if (next !== undefined || closed) return next;
    // A step in the middle may have ended it, and those before it know nothing of that.
    this.close();
    return down;
  }
}

const INTERESTS = new WeakMap<readonly Step[], readonly number[]>();

/** One list for all the connections that a filter runs for. */
function interestsOf(steps: readonly Step[]): readonly number[] {
  let interests = INTERESTS.get(steps);
  if (interests === undefined) INTERESTS.set(steps, (interests = steps.map(({ interest }) => interest)));
  return interests;
}

/** Starts the steps, one after the other, with `down` at their end. */
export function openChain(steps: readonly Step[], down: Downstream): Upstream {
  const running = new Array<Upstream>(steps.length);
  const chain: Chain = { steps, interests: interestsOf(steps), running, down, closed: false };
  const first = new Link(chain, 0);
  // From the last to the first: a step may let something through as soon as it is opened.
  for (let index = steps.length - 1; index >= 0 && !chain.closed; index--) {
    const step = steps[index];
    if (step !== undefined) chain.running[index] = step.open(new Link(chain, index + 1));
  }
  // A step that has ended it while it was being opened was not there yet.
  if (chain.closed) first.close();
  return first;
}

/**
 * A running step with filters within it: an error of one of them is its own, and it completes when all of them have.
 */
export class EnclosingStep extends RunningStep {
  readonly #chains: Upstream[] = [];
  #open = 0;

  /** Starts a filter within it; `out` gets what the filter lets through. */
  protected enclose(steps: readonly Step[], out: (flow: Flow) => void): Upstream {
    this.#open++;
    const chain = openChain(steps, {
      next: out,
      error: (error) => this.error(error),
      complete: () => {
        this.#open--;
        // One that completes too early leaves its events without a filter: as with any operator, that is the end of all.
        if (this.completed) this.settle();
        else this.finish();
      },
    });
    this.#chains.push(chain);
    return chain;
  }

  protected override isBusy(): boolean {
    return this.#open > 0;
  }

  protected override cancel(): void {
    for (const chain of this.#chains) chain.close();
  }

  override complete(): void {
    super.complete();
    for (const chain of this.#chains) chain.complete();
  }
}

/** The filters of a connection, and what they need of its negotiation. */
export interface Steps {
  readonly steps: readonly Step[];
  readonly tags: Tags;
}

/** Whether it may be given pieces of a body that are only lent. */
function mayBorrow({ tags: { readers }, copiesBody }: Step): boolean {
  return readers === 0 || copiesBody === true;
}

/**
 * Attaches filters to a connection: its events go through them, and come back to it as answers.
 *
 * A filter that cannot be started costs the connection.
 *
 * @returns the running filters; `undefined` where one could not be started
 */
export function attach(connection: Connection, { steps, tags }: Steps): Upstream | undefined {
  try {
    const chain = openChain(steps, connection);
    connection.attach(chain, tags, steps.every(mayBorrow));
    return chain;
  } catch (error) {
    connection.error(error);
    return undefined;
  }
}
