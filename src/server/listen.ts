import { Observable } from 'rxjs';

import { checkOptions } from '../common/options.js';
import { Session } from '../operators/session.js';
import { resolveOptions } from '../session/options.js';
import { Acceptor } from './acceptor.js';
import { DRAIN_TIMEOUT, LISTEN_RULES, type ListenOptions } from './listen-options.js';
import { whereToListen, type ListenInput } from './where-to-listen.js';

/**
 * Listens for MTAs, and emits a `Session` for each that connects.
 *
 * Cold: each subscription binds the endpoint (but for a socket that is open already, which serves one). Errors with a
 * `ListenError` where that fails (`EndpointError` where it is none). When its subscription ends, by `takeUntil` behind it or by unsubscribing, nobody is accepted any more;
 * sessions whose pipelines are still subscribed to (as `mergeMap` keeps them after its source completed) finish their
 * message within `drainTimeout`, and those whose pipelines are unsubscribed close at once. So completing drains, and
 * unsubscribing from the whole closes hard.
 *
 * @example
 * listen({ port: 8891 }).pipe(
 *   takeUntil(stop$),
 *   mergeMap((session) => session.events.pipe(filter, sink(session))),
 * ).subscribe((outcome) => log(outcome))
 */
export function listen(endpoint: ListenInput, options: ListenOptions = {}): Observable<Session> {
  checkOptions('listen()', options, LISTEN_RULES);
  const { drainTimeout = DRAIN_TIMEOUT } = options;
  return new Observable((subscriber) => {
    const where = whereToListen(endpoint, options);
    const acceptor = new Acceptor(where, options, resolveOptions(options), (connect) => {
      const session: Session = new Session(
        connect({
          get watched() {
            return session.watched;
          },
          outcome: (outcome) => {
            session.outcome(outcome);
          },
          ended: () => {
            session.ended();
          },
        }),
      );
      subscriber.next(session);
    });
    acceptor.start().catch((error: unknown) => {
      subscriber.error(error);
    });
    return () => void acceptor.drain(drainTimeout);
  });
}
