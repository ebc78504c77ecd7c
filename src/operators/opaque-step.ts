import { Subject, defer, map, type OperatorFunction, type Subscription } from 'rxjs';

import { subscribeCalmly } from '../rx/calmly.js';
import type { Flow } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import { tell } from '../session/tell.js';
import { EVERYTHING } from '../session/tags.js';
import { turnOf, type TurnOwner } from '../session/turn.js';
import { asFlow } from './as-flow.js';
import type { Downstream, Step, Upstream } from './step.js';

/** An RxJS operator that is none of ours, as a step: it gets all there is, replies of earlier filters included. */
export function opaqueStep(operator: OperatorFunction<Flow, Flow>): Step {
  return { tags: EVERYTHING, interest: -1, open: (down) => new OpaqueRun(operator, down) };
}

class OpaqueRun implements Upstream {
  readonly #source = new Subject<Flow>();
  /** Who is told of a teardown that throws. */
  #owner: TurnOwner | undefined;
  readonly #subscription: Subscription;

  constructor(operator: OperatorFunction<Flow, Flow>, down: Downstream) {
    // Deferred, so that an operator that throws when it is called has errored like any other.
    this.#subscription = subscribeCalmly(
      defer(() => operator(this.#source)).pipe(map(asFlow)),
      down,
      (error) => {
        tell(new ProjectError('close', error), 'close', this.#owner);
      },
    );
  }

  next(flow: Flow): void {
    this.#owner ??= turnOf(flow.stage === 'reply' ? flow.to : flow)?.owner;
    this.#source.next(flow);
  }

  error(error: unknown): void {
    this.#source.error(error);
  }

  complete(): void {
    this.#source.complete();
  }

  close(): void {
    // The connection is over, or about to be: its outcomes may have no subscriber any more.
    this.#owner = undefined;
    this.#subscription.unsubscribe();
  }
}
