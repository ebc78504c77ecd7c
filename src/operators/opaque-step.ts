import { from, map, Subject, type Observable, type OperatorFunction, type Subscription } from 'rxjs';

import { subscribeCalmly } from '../rx/calmly.js';
import type { Flow } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import { EVERYTHING } from '../session/tags.js';
import { tell } from '../session/tell.js';
import { turnOf, type TurnOwner } from '../session/turn.js';
import { asFlow } from './as-flow.js';
import { failedEvent } from './failed-event.js';
import { gaveNoObservable, isSubscribable, threwAsFilter } from './not-a-filter.js';
import type { Downstream, Step, Upstream } from './step.js';

/** An RxJS operator that is none of ours, as a step: it gets all there is, replies of earlier filters included. */
export function opaqueStep(operator: OperatorFunction<Flow, Flow>, which: string): Step {
  return {
    tags: EVERYTHING,
    interest: -1,
    open: (down) => {
      const source = new Subject<Flow>();
      let result: unknown;
      try {
        result = operator(source);
      } catch (error) {
        return new BrokenRun(threwAsFilter(which, error), down);
      }
      if (!isSubscribable(result)) return new BrokenRun(gaveNoObservable(which, result), down);
      return new OpaqueRun(source, result as Observable<Flow>, down);
    },
  };
}

/**
 * A step for a function that is no filter: each event that can be answered fails with the same error, so that the
 * connection is answered. Where there is none, as in a drawing, the stream errors.
 */
export function brokenStep(error: Error): Step {
  return { tags: EVERYTHING, interest: -1, open: (down) => new BrokenRun(error, down) };
}

class OpaqueRun implements Upstream {
  readonly #source: Subject<Flow>;
  /** Who is told of a teardown that throws. */
  #owner: TurnOwner | undefined;
  readonly #subscription: Subscription;

  constructor(source: Subject<Flow>, result: Observable<Flow>, down: Downstream) {
    this.#source = source;
    // Of whichever copy of RxJS it is, its values are looked at here.
    this.#subscription = subscribeCalmly(from(result).pipe(map(asFlow)), down, (error) => {
      tell(new ProjectError('close', error), 'close', this.#owner);
    });
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

class BrokenRun implements Upstream {
  readonly #error: Error;
  readonly #down: Downstream;

  constructor(error: Error, down: Downstream) {
    this.#error = error;
    this.#down = down;
  }

  next(flow: Flow): void {
    if (flow.stage === 'reply' || flow.stage === 'abort' || flow.stage === 'close') this.#down.next(flow);
    else if (turnOf(flow) === undefined) this.#down.error(this.#error);
    else this.#down.next(failedEvent(flow, this.#error));
  }

  error(error: unknown): void {
    this.#down.error(error);
  }

  complete(): void {
    this.#down.complete();
  }

  close(): void {
    // Nothing runs.
  }
}
