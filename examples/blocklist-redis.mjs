// @ts-check
// npm install rxmilter rxjs redis
// REDIS_URL=redis://127.0.0.1:6379 npx rxmilter serve --listen inet:8891@127.0.0.1 blocklist-redis.mjs
// In Redis: MULTI, SADD rxmilter:blocked 192.0.2.66 bad.example, PUBLISH rxmilter:blocked:changed 1, EXEC
import { createClient } from 'redis';
import {
  EMPTY,
  Observable,
  defer,
  exhaustMap,
  from,
  interval,
  map,
  of,
  repeat,
  startWith,
  switchMap,
  tap,
  timeout,
} from 'rxjs';
import { compose, on, reject, tempfail } from 'rxmilter';

import { held } from './held-stream.mjs';

/** @typedef {() => import('rxjs').ObservableInput<Iterable<string>>} Load reads the whole list, once */

/**
 * Refuses clients and senders that are on a list, which may change at any time: a new list counts from the next
 * connection, and the next sender, on. Entries are IP addresses, domains, and mail addresses as
 * `mailbox` of an event has them.
 *
 * @param {Observable<ReadonlySet<string> | undefined>} blocked `undefined` while it is not known who is: mail waits then
 */
export function refuseBlocked(blocked) {
  return compose(
    on('connect', blocked, ({ address }, list) => verdict(list, [address])),
    on('mail', blocked, ({ mailbox, domain }, list) => verdict(list, [mailbox, domain])),
  );
}

/**
 * @param {ReadonlySet<string> | undefined} list
 * @param {string[]} names
 */
function verdict(list, names) {
  if (list === undefined) return tempfail({ code: 451, enhanced: '4.3.0', text: 'Please try again later' });
  return names.some((name) => list.has(name)) && reject({ code: 554, enhanced: '5.7.1', text: 'Blocked' });
}

/**
 * The list as it is now. One load at a time, however often it changes; what changes meanwhile is loaded after it.
 *
 * @template [A=ReadonlySet<string>]
 * @param {Observable<Load>} changes says how to load the list: at first, and again whenever it has changed
 * @param {{ limit?: number, refresh?: number } & import('./held-stream.mjs').HeldOptions<A>} [options] `limit` is how
 * long a load may take; after `refresh` the list is loaded in any case, should a change have gone unnoticed; in
 * milliseconds, 2000 and 60 000 by default
 */
export function blockList(changes, { limit = 2000, refresh = 60_000, ...options } = {}) {
  /** @type {Observable<ReadonlySet<string>>} */
  const lists = defer(() => {
    /** @type {Load | undefined} */
    let wanted;
    return changes.pipe(
      switchMap((load) =>
        interval(refresh).pipe(
          startWith(0),
          map(() => load),
        ),
      ),
      tap((load) => (wanted = load)),
      exhaustMap((load) =>
        defer(() => {
          wanted = undefined;
          return from(load()).pipe(timeout({ first: limit }));
        }).pipe(repeat({ delay: () => (wanted === undefined ? EMPTY : of(true)) })),
      ),
      map((entries) => new Set(entries)),
    );
  });
  return held(lists, options);
}

/**
 * A set of Redis or Valkey, and a channel on which who changes it says so. Errors when the connection is lost; it does
 * not connect again by itself, because what was published meanwhile is not repeated: the list has to be loaded then.
 *
 * @param {string} url
 * @param {string} [key] the channel is this with `:changed` behind it
 * @returns {Observable<Load>}
 */
export function redisSet(url, key = 'rxmilter:blocked') {
  /** @type {Observable<Load>} */
  const changes = new Observable((subscriber) => {
    const client = createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout: 2000, reconnectStrategy: false },
    });
    const both = [client, client.duplicate()];
    const [, listener = client] = both;
    const load = () => client.sMembers(key);
    for (const one of both) one.on('error', (error) => subscriber.error(error));
    Promise.all(both.map((one) => one.connect()))
      .then(() => listener.subscribe(`${key}:changed`, () => subscriber.next(load)))
      // Only now: what is changed after this load is told.
      .then(() => subscriber.next(load))
      .catch((error) => subscriber.error(error));
    return () => {
      for (const one of both) if (one.isOpen) one.destroy();
    };
  });
  // A Redis that hangs takes the connection, and says nothing.
  return changes.pipe(timeout({ first: 5000 }));
}

/** The filter for `rxmilter serve`. */
export default () => {
  // An hour without Redis, and nobody is blocked any more.
  const blocked = blockList(redisSet(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'), {
    away: { value: new Set(), after: 3_600_000 },
  });
  // Before the first mail comes, and for as long as the program runs.
  blocked.subscribe();
  return refuseBlocked(blocked);
};
