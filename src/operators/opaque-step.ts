import { Subject, defer, map, type OperatorFunction, type Subscription } from 'rxjs';

import { warn } from '../common/warn.js';
import { subscribeCalmly } from '../rx/calmly.js';
import type { Flow } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import { EVERYTHING } from '../session/tags.js';
import { asFlow } from './as-flow.js';
import type { Downstream, Step, Upstream } from './step.js';

/** An RxJS operator that is none of ours, as a step: it gets all there is, replies of earlier filters included. */
export function opaqueStep(operator: OperatorFunction<Flow, Flow>): Step {
  return { tags: EVERYTHING, interest: -1, open: (down) => new OpaqueRun(operator, down) };
}

class OpaqueRun implements Upstream {
  readonly #source = new Subject<Flow>();
  readonly #subscription: Subscription;

  constructor(operator: OperatorFunction<Flow, Flow>, down: Downstream) {
    // Deferred, so that an operator that throws when it is called has errored like any other.
    this.#subscription = subscribeCalmly(
      defer(() => operator(this.#source)).pipe(map(asFlow)),
      down,
      (error) => {
        warn(new ProjectError('close', error));
      },
    );
  }

  next(flow: Flow): void {
    this.#source.next(flow);
  }

  error(error: unknown): void {
    this.#source.error(error);
  }

  complete(): void {
    this.#source.complete();
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
