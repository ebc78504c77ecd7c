// @ts-check
import {
  EMPTY,
  ReplaySubject,
  Subject,
  concat,
  defer,
  distinctUntilChanged,
  map,
  merge,
  of,
  retry,
  share,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { backoff } from 'rxmilter/lookups';

/**
 * What holds while the source is away.
 *
 * @template A
 * @typedef {object} HeldOptions
 * @property {{ value: A, after?: number }} [away] what counts instead of the last value once the source has been away for
 * `after` milliseconds (default 0), and at once where there was none yet. Without it the last value stays, however old,
 * and events wait for the first one, until their time is up
 * @property {(error: unknown) => void} [report] told of each outage once; default console.error
 * @property {import('rxmilter/lookups').BackoffOptions} [retries] default: for ever, after 200 ms to 30 s
 */

/**
 * A stream for `on(stage, stream, …)`, from a server that comes and goes: connected once for all connections of mail
 * servers, begun anew with growing pauses whenever it fails or ends, and let go of a minute after the last who wanted it.
 *
 * @template T
 * @template [A=T]
 * @param {import('rxjs').Observable<T>} source connects when it is subscribed to, and errors when the connection is lost
 * @param {HeldOptions<A>} [options]
 * @returns {import('rxjs').Observable<T | A>}
 */
export function held(source, { away, report = console.error, retries } = {}) {
  return defer(() => {
    let some = false;
    /** @type {Subject<{ error: unknown }>} */
    const failures = new Subject();
    const values = concat(
      source,
      throwError(() => new Error('the stream has ended')),
    ).pipe(
      map((value) => ({ value })),
      retry(
        backoff({
          attempts: Infinity,
          initial: 200,
          max: 30_000,
          resetOnSuccess: true,
          ...retries,
          retryOn: (error) => {
            failures.next({ error });
            return true;
          },
        }),
      ),
    );
    return merge(failures, values).pipe(
      // From the first failure to the next value it is one outage.
      distinctUntilChanged((before, now) => 'error' in before && 'error' in now),
      tap((one) => {
        if ('error' in one) report(one.error);
        else some = true;
      }),
      switchMap((one) => {
        if ('value' in one) return of(one.value);
        return away === undefined ? EMPTY : timer(some ? (away.after ?? 0) : 0).pipe(map(() => away.value));
      }),
    );
  }).pipe(share({ connector: () => new ReplaySubject(1), resetOnRefCountZero: () => timer(60_000) }));
}
