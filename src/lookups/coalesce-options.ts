import { asyncScheduler, type ObservableInput, type SchedulerLike } from 'rxjs';

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

/** Looks something up. `signal` is aborted when nobody waits for the answer any more, or it took too long. */
export type LookUp<I, T> = (input: I, signal: AbortSignal) => ObservableInput<T>;

/** How look-ups are shared and kept; everything has a default. */
export interface CoalesceOptions<I, T> {
  /**
   * What makes two look-ups the same. Default: the input, where that is a string or a number; for others this has to be
   * given.
   */
  readonly key?: ((input: I) => string | number) | undefined;
  /** For how long an answer is kept, in milliseconds. Default 0: it is for those who wait for it. */
  readonly ttl?: number | undefined;
  /** The same for a negative answer. Default `ttl`. Errors are never kept. */
  readonly negativeTtl?: number | undefined;
  /** What a negative answer is. Default: `undefined`, `null` and `false`. */
  readonly negative?: ((answer: T) => boolean) | undefined;
  /** The most answers to keep; the oldest goes first. Also the most look-ups to share. Default 10 000. */
  readonly maxKeys?: number | undefined;
  /**
   * How long a look-up may take, in milliseconds, whoever waits for it; then it is aborted, and all of them get a
   * `LookUpError`. Default 7 000: an event by default has 8 000.
   */
  readonly timeout?: number | undefined;
  /** Whose time it is. Default: RxJS's `asyncScheduler`, which is virtual in a drawing. */
  readonly scheduler?: SchedulerLike | undefined;
}

/** The same, complete and checked. */
export interface ResolvedCoalesce<I, T> {
  readonly key: (input: I) => string | number;
  readonly ttlOf: (answer: T) => number;
  readonly maxKeys: number;
  readonly timeout: number;
  readonly scheduler: SchedulerLike;
}

const RULES: Rules<CoalesceOptions<unknown, unknown>> = {
  key: func,
  ttl: number(0, Infinity, 'milliseconds'),
  negativeTtl: number(0, Infinity, 'milliseconds'),
  negative: func,
  maxKeys: whole(1),
  timeout: milliseconds(1),
  scheduler: schedulerRule,
};

/** Fills in the defaults, and throws where an option cannot be meant. */
export function resolveCoalesce<I, T>(options: CoalesceOptions<I, T>): ResolvedCoalesce<I, T> {
  checkOptions('coalesce()', options, RULES);
  const { ttl = 0, maxKeys = 10_000, timeout = 7_000, scheduler = asyncScheduler } = options;
  const { negativeTtl = ttl, negative = isNegative, key = (input: I): unknown => input } = options;
  return {
    key: (input) => checkKey(key(input), options.key !== undefined),
    ttlOf: ttl === negativeTtl ? () => ttl : (answer) => (isYes(negative(answer)) ? negativeTtl : ttl),
    maxKeys,
    timeout,
    scheduler,
  };
}

function isNegative(answer: unknown): boolean {
  return answer === undefined || answer === null || answer === false;
}

/** A promise would count as a yes, whatever comes of it. */
function isYes(given: unknown): boolean {
  if (!isPromise(given)) return Boolean(given);
  ignoreRejection(given);
  throw new TypeError('coalesce(): negative gave a promise. It has to say true or false at once.');
}

/** Two objects are the same text, `[object Object]`: one would get the other's answer. */
function checkKey(key: unknown, own: boolean): string | number {
  if (typeof key === 'string' || typeof key === 'number') return key;
  ignoreRejection(key);
  const what = typeof key === 'object' && key !== null ? 'an object' : typeof key;
  throw new TypeError(
    own
      ? `coalesce(): key gave ${what}. It has to give a string or a number.`
      : `coalesce(): the input is ${what}. Give key, a function that makes a string of it.`,
  );
}
