import { Observable, type OperatorFunction, from, map } from 'rxjs';

import { warn } from '../common/write-error.js';
import { subscribeCalmly } from '../rx/calmly.js';
import { ProjectError } from '../session/errors.js';
import type { Flow } from '../session/flow.js';
import type { Outcome } from '../session/outcome.js';
import { attach } from './core/chain.js';
import {
  FlowObservable,
  asFlow,
  brokenStep,
  gaveNoObservable,
  isSubscribable,
  tagsOf,
} from './core/filter.js';
import { ConnectedSession, type Session } from './core/session.js';
import type { Step } from './core/step.js';

/**
 * The end of a pipeline: writes the answers of `session` to its MTA, and emits the outcomes.
 *
 * @remarks
 * An event that arrives undecided is answered with "continue", at `eom` with the modifications that are on it. A reply
 * whose event is over is dropped. All that goes wrong is an outcome with an error: the Observable itself does not error.
 * Where the pipeline errors or completes too early, the pending event gets the failure decision and the connection is
 * closed.
 *
 * Subscribe to it as soon as the session comes, since its MTA waits. It completes with the connection; unsubscribing
 * closes the connection at once.
 *
 * @example listen({ port: 8891 }).pipe(mergeMap((session) => session.events.pipe(filter, sink(session)))).subscribe()
 */
export function sink(session: Session): OperatorFunction<Flow, Outcome> {
  if (!(session instanceof ConnectedSession))
    throw new TypeError('sink(): the argument is not a session. Give what listen() emits.');
  return (source) =>
    new Observable<Outcome>((subscriber) => {
      const { connection } = session;
      // Our own filters right behind the source need no subscription between each two of them.
      const steps = isSubscribable(source)
        ? directSteps(source, session)
        : [brokenStep(gaveNoObservable('What stands before sink() in pipe()', source))];
      const tags = steps && tagsOf(steps);
      session.claim(
        (outcome) => subscriber.next(outcome),
        () => subscriber.complete(),
        tags,
      );
      if (steps !== undefined && tags !== undefined) {
        session.attached();
        const chain = attach(connection, { steps, tags });
        subscriber.add(() => chain?.close());
      } else {
        const running = subscribeCalmly(from(source).pipe(map(asFlow)), connection, (error) => {
          const failure = new ProjectError('close', error);
          if (subscriber.closed) warn(failure);
          else connection.report(failure);
        });
        subscriber.add(running);
      }
      subscriber.add(() => connection.destroy());
    });
}

/** The steps of a source that consists of the session's events and our own filters; `undefined` for any other. */
function directSteps(source: Observable<Flow>, session: ConnectedSession): readonly Step[] | undefined {
  if (source === session.events) return [];
  return source instanceof FlowObservable && source.origin === session.events ? source.steps : undefined;
}
