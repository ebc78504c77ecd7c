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
 * Makes an Observable that listens once it is subscribed to, and emits a `Session` for each MTA that connects.
 *
 * @remarks
 * Cold: each subscription binds the endpoint (a socket that is open already serves one); errors with a `ListenError`,
 * or an `EndpointError`, where it cannot. Completing it, as by `takeUntil`, drains: sessions whose pipelines are
 * still subscribed to finish their message within `drainTimeout`. Unsubscribing from the whole closes at once.
 *
 * Subscribe to each session at once: its MTA waits for it, and it is closed after `timeouts.negotiate`. To have fewer
 * at once use `maxConnections`, not `mergeMap(…, 10)` or `concatMap`.
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
          watched: () => session.watched,
          outcome: (outcome) => {
            if (session.watched) session.outcome(outcome);
            else if (outcome.error !== undefined)
              unheard.add(`Session ${session.id}: ${messageOf(outcome.error)}`);
          },
          ended: () => session.ended(),
        }),
      );
      subscriber.next(session);
    });
    acceptor.start().catch((error: unknown) => subscriber.error(error));
    return () => void acceptor.drain(drainTimeout).then(() => unheard.close());
  });
}
