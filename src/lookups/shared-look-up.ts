import {
  Observable,
  asyncScheduler,
  defer,
  firstValueFrom,
  map,
  merge,
  type ObservableInput,
  type SchedulerLike,
  take,
  throwError,
  throwIfEmpty,
  timeout,
} from 'rxjs';

import { abortController } from '../common/abort.js';
import {
  checkOptions,
  func,
  milliseconds,
  number,
  scheduler as schedulerRule,
  whole,
  type Rules,
} from '../common/options.js';
import { ignoreRejection, isPromise } from '../common/promises.js';
import { warn } from '../common/write-error.js';
import { boundedKey, ExpiringMap } from './expiring-map.js';
import { type Answered, Flight, LookUpError } from './flight.js';

/** Looks something up. `signal` is aborted when the answer is not waited for any more, or at the timeout. */
export type LookUp<I, T> = (input: I, signal: AbortSignal) => ObservableInput<T>;

/** How look-ups are shared and kept; everything has a default. */
export interface SharedLookUpOptions<I, T> {
  /** The key that equal look-ups have in common. Default: the input, where that is a string or a number. */
  readonly key?: ((input: I) => string | number) | undefined;
  /** For how long an answer is kept, in milliseconds. Default 0: not at all. */
  readonly ttl?: number | undefined;
  /** The same for a negative answer. Default `ttl`. Errors are never kept. */
  readonly negativeTtl?: number | undefined;
  /** Whether an answer is negative. Default: `undefined`, `null` and `false` are. */
  readonly negative?: ((answer: T) => boolean) | undefined;
  /** The most answers to keep; the oldest goes first. Also the most look-ups to share. Default 10 000. */
  readonly maxKeys?: number | undefined;
  /** How long a look-up may take, in milliseconds, before it fails with a `LookUpError`. Default 7 000. */
  readonly timeout?: number | undefined;
  /** The clock. Default: RxJS's `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

const RULES: Rules<SharedLookUpOptions<unknown, unknown>> = {
  key: func,
  ttl: number(0, Infinity, 'milliseconds'),
  negativeTtl: number(0, Infinity, 'milliseconds'),
  negative: func,
  maxKeys: whole(1),
  timeout: milliseconds(1),
  scheduler: schedulerRule,
};

/** A look-up whose answers are shared, and kept for a while. */
export interface SharedLookUp<I, T> {
  /** Looks up when it is subscribed to: emits the answer, and completes. */
  (input: I): Observable<T>;
  /** The same for async functions. When `signal` is aborted it rejects with its reason. */
  promise(input: I, signal?: AbortSignal): Promise<T>;
  /** Forgets the answer for an input, or all of them. Look-ups in flight go on, but are not joined any more. */
  forget(input?: I): void;
  /** How many answers are kept. */
  readonly size: number;
}

/**
 * Shares look-ups between connections, and keeps their answers for a while.
 *
 * @remarks A look-up of an input that is in flight is joined. It is aborted, and unsubscribed from, only when all that
 *   wait for it have left. They all get its error, which is not kept. Of an Observable the first value is the answer.
 * @throws TypeError or RangeError where an option is wrong; TypeError to the subscriber where the input needs a `key`
 * @example
 * const exists = sharedLookUp(mailboxExists, { ttl: 60_000, negativeTtl: 5_000 });
 * on('rcpt', ({ address }) => exists(address).pipe(map((yes) => yes || reject('No such user'))))
 */
export function sharedLookUp<I extends string | number, T>(
  lookUp: LookUp<I, T>,
  options?: SharedLookUpOptions<I, T>,
): SharedLookUp<I, T>;
export function sharedLookUp<I, T>(
  lookUp: LookUp<I, T>,
  options: SharedLookUpOptions<I, T> & Required<Pick<SharedLookUpOptions<I, T>, 'key'>>,
): SharedLookUp<I, T>;
export function sharedLookUp<I, T>(
  lookUp: LookUp<I, T>,
  options: SharedLookUpOptions<I, T> = {},
): SharedLookUp<I, T> {
  if (typeof lookUp !== 'function')
    throw new TypeError('sharedLookUp(): the first argument has to be a function.');
  checkOptions('sharedLookUp()', options, RULES);
  const { ttl = 0, negativeTtl = ttl, negative = isNegative, maxKeys = 10_000 } = options;
  const { timeout: limit = 7_000, scheduler = asyncScheduler } = options;
  const ttlOf = (answer: T): number => (ttl !== negativeTtl && isYes(negative(answer)) ? negativeTtl : ttl);
  const keyOf = (input: I): string | number =>
    options.key === undefined ? checkKey(input, false) : checkKey(options.key(input), true);
  const flights = new Map<string | number, Flight<T>>();
  const kept = new ExpiringMap<Answered<T>>(maxKeys);

  const begin = (input: I, key: string | number): Flight<T> => {
    const controller = abortController(warn);
    const name = typeof key === 'string' ? JSON.stringify(key) : String(key);
    const answer = defer(() => lookUp(input, controller.signal)).pipe(
      take(1),
      map((value) => ({ value, ttl: ttlOf(value) })),
      throwIfEmpty(() => new LookUpError('empty', key, `The look-up of ${name} ended without an answer.`)),
      timeout({
        first: limit,
        scheduler,
        with: () => {
          controller.abort();
          const message = `The look-up of ${name} took longer than ${limit} ms.`;
          return throwError(() => new LookUpError('timeout', key, message));
        },
      }),
    );
    const flight = new Flight<T>(answer, controller, (landed) => {
      // It may have been forgotten meanwhile, and another begun.
      if (flights.get(key) !== flight) return;
      flights.delete(key);
      if (landed !== undefined && landed.ttl > 0) kept.set(key, landed, scheduler.now(), landed.ttl);
    });
    // Above the limit each look-up is by itself.
    if (flights.size < maxKeys) flights.set(key, flight);
    return flight;
  };

  const ask = (input: I): Observable<T> =>
    new Observable((subscriber) => {
      const key = keyOf(input);
      const known = kept.get(key, scheduler.now());
      if (known !== undefined) {
        subscriber.next(known.value);
        subscriber.complete();
        return;
      }
      const running = flights.get(key);
      const flight = running ?? begin(input, key);
      flight.join(subscriber);
      if (running === undefined && !subscriber.closed) flight.start();
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

function isNegative(answer: unknown): boolean {
  return answer === undefined || answer === null || answer === false;
}

/** A promise would count as a yes, whatever its value. */
function isYes(given: unknown): boolean {
  if (!isPromise(given)) return Boolean(given);
  ignoreRejection(given);
  throw new TypeError('sharedLookUp(): negative gave a promise. It has to say true or false at once.');
}

/** Two objects have the same text, `[object Object]`: one would get the other's answer. */
function checkKey(key: unknown, own: boolean): string | number {
  if (typeof key === 'number') return key;
  if (typeof key === 'string') return boundedKey(key);
  ignoreRejection(key);
  const what = typeof key === 'object' && key !== null ? 'an object' : typeof key;
  throw new TypeError(
    own
      ? `sharedLookUp(): key gave ${what}. It has to give a string or a number.`
      : `sharedLookUp(): the input is ${what}. Give key, a function that makes a string of it.`,
  );
}
