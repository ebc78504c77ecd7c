import { Observable, identity, map, throwError, type OperatorFunction } from 'rxjs';

import { ignoreRejection } from '../common/promises.js';
import { warn } from '../common/warn.js';
import { subscribeCalmly } from '../rx/calmly.js';
import type { Flow } from '../session/flow.js';
import { ProjectError } from '../session/project-error.js';
import { uniteTags, type Tags } from '../session/tags.js';
import { asFlow } from './as-flow.js';
import { openChain } from './chain.js';
import { gaveNoObservable, isSubscribable, notAFilter } from './not-a-filter.js';
import { opaqueStep } from './opaque-step.js';
import type { Step } from './step.js';

/** Under this symbol a filter keeps what it is made of. */
const STEPS: unique symbol = Symbol('rxmilter.steps');

/**
 * A mail filter: an RxJS operator over the events of one connection, in whose output some of them have become replies.
 *
 * It knows which stages it decides and which it only looks at, and from that the negotiation is derived. An operator of
 * your own works as well; since it says nothing of itself, everything is asked for.
 */
export interface Filter extends OperatorFunction<Flow, Flow> {
  readonly [STEPS]: readonly Step[];
}

/** What filters make of a source: an Observable that knows its steps, so that a next filter can join them. */
export class FlowObservable extends Observable<Flow> {
  readonly origin: Observable<Flow>;
  readonly steps: readonly Step[];

  constructor(origin: Observable<Flow>, steps: readonly Step[]) {
    super((subscriber) => {
      const chain = openChain(steps, subscriber);
      subscriber.add(() => {
        chain.close();
      });
      // Joined to the subscriber before the source speaks: one that speaks at once has to be stopped, too.
      const entered = new Observable<Flow>((entry) => {
        subscriber.add(entry);
        origin.pipe(map(asFlow)).subscribe(entry);
      });
      subscribeCalmly(entered, chain, (error) => {
        warn(new ProjectError('close', error));
      });
    });
    this.origin = origin;
    this.steps = steps;
  }
}

/** Makes a filter out of steps. */
export function makeFilter(steps: readonly Step[]): Filter {
  const operator = (source: Observable<Flow>): Observable<Flow> =>
    source instanceof FlowObservable
      ? new FlowObservable(source.origin, [...source.steps, ...steps])
      : new FlowObservable(
          isSubscribable(source)
            ? source
            : throwError(() => gaveNoObservable('What stands before a filter in pipe()', source)),
          steps,
        );
  return Object.assign(operator, { [STEPS]: steps });
}

/**
 * The steps of a filter; an operator that is none of ours is one step by itself.
 *
 * @param which the filter, as a message names it: `serve(): the first argument`
 * @throws TypeError where it is no function
 */
export function stepsOf(filter: OperatorFunction<Flow, Flow>, which = 'The filter'): readonly Step[] {
  if (typeof (filter as unknown) !== 'function') {
    // An async factory gives a promise of a filter.
    ignoreRejection(filter);
    throw notAFilter(which, filter);
  }
  // What RxJS and its users put where there is nothing to do: `wanted ? filter : identity`.
  if (filter === identity) return [];
  return STEPS in filter ? (filter as Filter)[STEPS] : [opaqueStep(filter, which)];
}

/** What the steps need of the negotiation. */
export function tagsOf(steps: readonly Step[]): Tags {
  return uniteTags(steps.map((step) => step.tags));
}
