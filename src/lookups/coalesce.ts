import { Observable, firstValueFrom, merge } from 'rxjs';

import { resolveCoalesce, type CoalesceOptions, type LookUp } from './coalesce-options.js';
import { boundedKey, ExpiringMap } from './expiring-map.js';
import { Flight, type Answered } from './flight.js';

/** A look-up whose answers are shared, and kept for a while. */
export interface Coalesced<I, T> {
  /** Looks up when it is subscribed to: emits the answer, and completes. Who unsubscribes waits no longer. */
  (input: I): Observable<T>;
  /** The same for async functions. When `signal` is aborted it rejects with its reason, and waits no longer. */
  promise(input: I, signal?: AbortSignal): Promise<T>;
  /** Forgets the answer for an input, or all of them. Look-ups under way go on, but who asks from now on asks anew. */
  forget(input?: I): void;
  /** How many answers are kept. */
  readonly size: number;
}

/**
 * Shares look-ups: whoever asks what is being looked up already waits for the same answer, whichever connection it is
 * for; and answers can be kept for a while.
 *
 * A look-up is aborted, and unsubscribed from, only when all who wait for it have gone. What it fails with all of them
 * get, and nobody later. One that hangs delays only those who want to know the same, and these for no longer than
 * `timeout`. Of an Observable the first value is the answer.
 *
 * @throws TypeError or RangeError where an option is wrong
 * @throws TypeError (to who asks) where the input needs a `key`
 * @example
 * const exists = coalesce(mailboxExists, { ttl: 60_000, negativeTtl: 5_000 });
 * on('rcpt', ({ address }) => exists(address).pipe(map((yes) => yes || reject('No such user'))))
 */
export function coalesce<I extends string | number, T>(
  lookUp: LookUp<I, T>,
  options?: CoalesceOptions<I, T>,
): Coalesced<I, T>;
export function coalesce<I, T>(
  lookUp: LookUp<I, T>,
  options: CoalesceOptions<I, T> & Required<Pick<CoalesceOptions<I, T>, 'key'>>,
): Coalesced<I, T>;
export function coalesce<I, T>(lookUp: LookUp<I, T>, given: CoalesceOptions<I, T> = {}): Coalesced<I, T> {
  if (typeof lookUp !== 'function')
    throw new TypeError('coalesce(): the first argument has to be a function.');
  const options = resolveCoalesce(given);
  const { maxKeys, scheduler } = options;
  const keyOf = (input: I): string | number => {
    const key = options.key(input);
    return typeof key === 'string' ? boundedKey(key) : key;
  };
  const flights = new Map<string | number, Flight<T>>();
  const kept = new ExpiringMap<Answered<T>>(maxKeys);

  const begin = (key: string | number): Flight<T> => {
    const flight = new Flight<T>((answer) => {
      // It may have been forgotten meanwhile, and another begun.
      if (flights.get(key) !== flight) return;
      flights.delete(key);
      if (answer !== undefined && answer.ttl > 0) kept.set(key, answer, scheduler.now(), answer.ttl);
    });
    // What is more is looked up for each by itself.
    if (flights.size < maxKeys) flights.set(key, flight);
    return flight;
  };

  const ask = (input: I): Observable<T> =>
    new Observable((subscriber) => {
      const key = keyOf(input);
      const known = kept.get(key, scheduler.now());
      if (known !== undefined) {
        subscriber.next(known.is);
        subscriber.complete();
        return;
      }
      const running = flights.get(key);
      const flight = running ?? begin(key);
      flight.join(subscriber);
      if (running === undefined && !subscriber.closed) flight.start(lookUp, input, key, options);
    });

  const more = {
    promise: (input: I, signal?: AbortSignal) =>
      firstValueFrom(signal === undefined ? ask(input) : merge(aborted(signal), ask(input))),
    forget: (...inputs: [I?]) => {
      if (inputs.length === 0) {
        kept.clear();
        flights.clear();
        return;
      }
      const key = keyOf(inputs[0] as I);
      kept.delete(key);
      flights.delete(key);
    },
    size: 0,
  };
  return Object.defineProperty(Object.assign(ask, more), 'size', { get: () => kept.size });
}

/** Fails when the signal is aborted, at once where it is already. */
function aborted(signal: AbortSignal): Observable<never> {
  return new Observable((subscriber) => {
    const fail = (): void => subscriber.error(signal.reason);
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail);
    return () => signal.removeEventListener('abort', fail);
  });
}
