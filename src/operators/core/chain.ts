import type { Connection } from '../../session/connection/connection.js';
import { ProjectError } from '../../session/errors.js';
import { tell } from '../../session/failures.js';
import type { Flow } from '../../session/flow.js';
import type { Tags } from '../../session/negotiation/tags.js';
import { type FlowStage, bitOf } from '../../session/stage.js';
import type { TurnOwner } from '../../session/turn.js';
import type { Downstream, Step, Upstream } from './step.js';

/**
 * Runs what ends the work of other code: an unsubscription, with whatever teardown hangs on it. A teardown that throws
 * must not take the connection with it, since it would do so in the middle of another turn; it is reported instead.
 *
 * @param owner who is told; without one it is a warning of the process
 */
export function letGo(end: () => void, stage: FlowStage, owner?: TurnOwner): void {
  try {
    end();
  } catch (error) {
    tell(new ProjectError(stage, error), stage, owner);
  }
}

/** Several steps in a row, running. */
interface Chain {
  readonly steps: readonly Step[];
  readonly running: Upstream[];
  readonly down: Downstream;
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
    const bit = bitOf(flow.stage);
    const { steps, running, down } = this.#chain;
    for (let at = this.#index; at < steps.length; at++) {
      if (((steps[at]?.interest ?? 0) & bit) !== 0) {
        running[at]?.next(flow);
        return;
      }
    }
    down.next(flow);
  }

  error(error: unknown): void {
    this.#next().error(error);
  }

  complete(): void {
    this.#next().complete();
  }

  /** Also at the end of all: a step in the middle may have ended it, and those before it know nothing of that. */
  close(): void {
    this.#chain.closed = true;
    // Those that are there: the chain may be over while it is being opened.
    this.#chain.running.forEach((running) => {
      letGo(() => running.close(), 'close');
    });
  }

  #next(): Downstream {
    const next = this.#chain.running[this.#index];
    if (next === undefined) this.close();
    return next ?? this.#chain.down;
  }
}

/** Starts the steps, one after the other, with `down` at their end. */
export function openChain(steps: readonly Step[], down: Downstream): Upstream {
  const chain: Chain = { steps, running: [], down, closed: false };
  // From the last to the first: a step may let something through as soon as it is opened.
  for (let index = steps.length - 1; index >= 0 && !chain.closed; index--) {
    const step = steps[index];
    if (step !== undefined) chain.running[index] = step.open(new Link(chain, index + 1));
  }
  return new Link(chain, 0);
}

/** The filters of a connection, and what they need of its negotiation. */
export interface Steps {
  readonly steps: readonly Step[];
  readonly tags: Tags;
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
    connection.attach(chain, tags);
    return chain;
  } catch (error) {
    connection.error(error);
    return undefined;
  }
}
