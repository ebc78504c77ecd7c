import {
  Observable,
  type OperatorFunction,
  Subject,
  type Subscription,
  from,
  identity,
  map,
  throwError,
} from 'rxjs';

import { shown } from '../../common/options.js';
import { ignoreRejection } from '../../common/promises.js';
import { messageOf, textOf } from '../../common/text-of.js';
import { warn } from '../../common/write-error.js';
import { subscribeCalmly } from '../../rx/calmly.js';
import { ProjectError } from '../../session/errors.js';
import { tell } from '../../session/failures.js';
import type { Flow } from '../../session/flow.js';
import { EVERYTHING, type Tags, uniteTags } from '../../session/negotiation/tags.js';
import { BIT } from '../../session/stage.js';
import { type TurnOwner, turnOf } from '../../session/turn.js';
import { openChain } from './chain.js';
import { failedEvent } from './failed-event.js';
import { type Downstream, RunningStep, type Step, type Upstream } from './step.js';

/**
 * Lets through what may flow: plain JavaScript easily forgets the `: flow` of a condition.
 *
 * @throws TypeError for what an operator has made of it otherwise
 */
export function asFlow(value: Flow): Flow {
  if (isFlow(value) && (value.stage !== 'reply' || isFlow(value.to))) return value;
  const what = typeof value === 'object' ? 'an object without a stage' : textOf(value);
  throw new TypeError(
    `An operator of the pipeline emitted ${what} instead of an event or a reply. ` +
      'What it leaves undecided it has to emit as it came.',
  );
}

function isFlow(value: unknown): boolean {
  const { stage } = (value ?? {}) as { readonly stage?: unknown };
  return typeof stage === 'string' && Object.hasOwn(BIT, stage);
}

const FILTERS =
  'A filter is an RxJS operator: what on(), compose() and others make, or a function from an Observable to an Observable. ' +
  "A function that decides about an event becomes one by on('rcpt', fn).";

/** For a function that was called as a filter, and gave something else than an Observable. */
export function gaveNoObservable(which: string, result: unknown): TypeError {
  // What is under way in a promise that is not waited for must not end the process when it fails.
  ignoreRejection(result);
  const what = result instanceof Promise ? 'a promise' : shown(result);
  return new TypeError(
    `${which} is no filter: called with the Observable of the events it returned ${what}, and no Observable. ${FILTERS}`,
  );
}

/** Whether it can be subscribed to, as an Observable of this copy of RxJS or of another can. */
export function isSubscribable(value: unknown): value is Observable<Flow> {
  return typeof (value as { readonly subscribe?: unknown } | undefined | null)?.subscribe === 'function';
}

/** An RxJS operator of the user's own, as a step: it gets all there is, replies of earlier filters included. */
function opaqueStep(operator: OperatorFunction<Flow, Flow>, which: string): Step {
  return {
    tags: EVERYTHING,
    interest: -1,
    open: (down) => {
      const source = new Subject<Flow>();
      let result: unknown;
      try {
        result = operator(source);
      } catch (cause) {
        const why = `${which} threw when it was called with the Observable of the events: ${messageOf(cause)}. ${FILTERS}`;
        return new BrokenRun(new TypeError(why, { cause }), down);
      }
      return isSubscribable(result)
        ? new OpaqueRun(source, result, down)
        : new BrokenRun(gaveNoObservable(which, result), down);
    },
  };
}

/**
 * A step for a function that is no filter: each event that can be answered fails with the same error, so that the
 * connection is answered. Without a connection, as in a drawing, the stream errors.
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

class BrokenRun extends RunningStep {
  readonly #error: Error;

  constructor(error: Error, down: Downstream) {
    super(down);
    this.#error = error;
  }

  override next(flow: Flow): void {
    if (flow.stage === 'reply' || flow.stage === 'abort' || flow.stage === 'close') this.down.next(flow);
    else if (turnOf(flow) === undefined) this.error(this.#error);
    else this.down.next(failedEvent(flow, this.#error));
  }
}

const STEPS: unique symbol = Symbol('rxmilter.steps');

/**
 * A mail filter: an RxJS operator over the events of one connection, of which it makes some replies.
 *
 * @remarks
 * The MTA is asked for what its filters need; for everything, where an operator of your own is among them.
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

/** Whether it is a filter that this library has made. */
export function isFilter(value: unknown): value is Filter {
  return typeof value === 'function' && STEPS in value;
}

/**
 * The steps of a filter; an operator of the user's own is one step by itself.
 *
 * @param which the filter, as a message names it: `serve(): the first argument`
 * @throws TypeError where it is no function
 */
export function stepsOf(filter: OperatorFunction<Flow, Flow>, which = 'The filter'): readonly Step[] {
  if (typeof (filter as unknown) !== 'function') {
    // An async factory gives a promise of a filter.
    ignoreRejection(filter);
    throw new TypeError(`${which} is ${shown(filter)}, and no filter. ${FILTERS}`);
  }
  // What RxJS and its users put where there is nothing to do: `wanted ? filter : identity`.
  if (filter === identity) return [];
  return isFilter(filter) ? filter[STEPS] : [opaqueStep(filter, which)];
}

/** What the steps need of the negotiation. */
export function tagsOf(steps: readonly Step[]): Tags {
  return uniteTags(steps.map((step) => step.tags));
}

/** The flow that the steps want, as bits of `BIT`. */
export function interestOf(steps: readonly Step[]): number {
  return steps.reduce((set, step) => set | step.interest, 0);
}
