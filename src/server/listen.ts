import { Observable } from 'rxjs';

import { checkOptions } from '../common/options.js';
import { messageOf } from '../common/text-of.js';
import { ConnectedSession, type Session } from '../operators/core/session.js';
import { resolveOptions } from '../session/options.js';
import { Notice } from '../transport/sockets/notice.js';
import { Acceptor } from './acceptor.js';
import { DRAIN_TIMEOUT, LISTEN_RULES, type ListenOptions } from './options.js';
import { whereToListen, type ListenInput } from './where-to-listen.js';

/**
 * Listens for MTAs, and emits a `Session` for each that connects.
 *
 * @remarks
 * Cold: each subscription binds the endpoint (but for a socket that is open already, which serves one). Errors with a
 * `ListenError` where that fails (`EndpointError` for what is no endpoint). When its subscription ends, by `takeUntil` behind it or by unsubscribing, no connection is accepted any more;
 * sessions whose pipelines are still subscribed to (as `mergeMap` keeps them after its source completed) finish their
 * message within `drainTimeout`, and those whose pipelines are unsubscribed close at once. So completing drains, and
 * unsubscribing from the whole closes hard.
 *
 * Subscribe to each session at once: its MTA waits for it. With a limit, as in `mergeMap(…, 10)` or `concatMap`, the sessions
 * beyond it are connected and not answered; one that is not subscribed to within `timeouts.negotiate` is closed, and told of
 * in a warning of the process. To have fewer at once use `maxConnections`, which turns the others away.
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
    // What goes wrong with a session without a pipeline has no other way out.
    const unheard = new Notice((count, last) =>
      count === 1 ? last : `${count} sessions without a pipeline have failed. The last one: ${last}`,
    );
    const acceptor = new Acceptor(where, options, resolveOptions(options), (connect) => {
      const session: ConnectedSession = new ConnectedSession(
        connect({
          get watched() {
            return session.watched;
          },
          outcome: (outcome) => {
            if (session.watched) session.outcome(outcome);
            else if (outcome.error !== undefined)
              unheard.add(`Session ${session.id}: ${messageOf(outcome.error)}`);
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
    return () => void acceptor.drain(drainTimeout).then(() => unheard.close());
  });
}
