import { asyncScheduler, defer, filter, map, type OperatorFunction, type SchedulerLike } from 'rxjs';

import {
  checkOptions,
  func,
  number,
  required,
  scheduler as schedulerRule,
  whole,
  type Rules,
} from '../common/options.js';
import { boundedKey } from '../lookups/bounded-key.js';
import { ExpiringMap } from '../lookups/expiring-map.js';

/** What makes a burst. */
export interface BurstOptions<T> {
  /** What belongs together; `undefined` for what is not counted. What it throws ends the stream with an error. */
  readonly key: (value: T) => string | undefined;
  /** How many values within the window make a burst. */
  readonly threshold: number;
  /** The window, in milliseconds. It slides: every `threshold` values in a row are looked at. */
  readonly window: number;
  /**
   * The most keys to keep; the one that had a value least recently goes first. Default 10 000. Of each up to `threshold`
   * times are kept.
   */
  readonly maxKeys?: number | undefined;
  /** Whose clock counts. Default: RxJS's `asyncScheduler`, which is virtual in a drawing. */
  readonly scheduler?: SchedulerLike | undefined;
}

const RULES: Rules<BurstOptions<never>> = {
  key: required(func),
  threshold: required(whole(1)),
  window: required(number(1, Infinity, 'milliseconds')),
  maxKeys: whole(1),
  scheduler: schedulerRule,
};

/** Many values of one key in a short time. */
export interface Burst<T> {
  readonly key: string;
  /** When the first of the last `threshold` values came, and when the last one, in milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
  /** The value that made it one. */
  readonly last: T;
}

/**
 * Finds bursts in a stream: emits when `threshold` values of one key have come within `window`, and again after each
 * `window` for as long as that goes on.
 *
 * The stream may be that of all connections: `server.outcomes`, or a Subject that `observe()` feeds. It completes and
 * fails with its source, keeps nothing after that, has no timers, and takes the same time for each value.
 *
 * @throws TypeError or RangeError where an option is missing or wrong
 * @example
 * server.outcomes.pipe(
 *   filter(({ decision }) => decision?.kind === 'reject'),
 *   bursts({ key: ({ session }) => clientNetwork(session.client), threshold: 20, window: 60_000 }),
 * )
 */
export function bursts<T>(options: BurstOptions<T>): OperatorFunction<T, Burst<T>> {
  checkOptions('bursts()', options, RULES);
  const { key: keyOf, threshold, window, maxKeys = 10_000, scheduler = asyncScheduler } = options;
  return (source) =>
    defer(() => {
      const recent = new ExpiringMap<Recent>(maxKeys);
      const look = (last: T): Burst<T> | undefined => {
        const given = keyOf(last);
        if (given === undefined) return undefined;
        const now = scheduler.now();
        const key = boundedKey(given);
        const times = recent.get(key, now) ?? new Recent(threshold);
        recent.set(key, times, now, window);
        const since = times.add(now);
        if (since === undefined || now - since >= window || now - times.told < window) return undefined;
        times.told = now;
        return { key: given, since, until: now, last };
      };
      return source.pipe(
        map(look),
        filter((burst) => burst !== undefined),
      );
    });
}

/** The times of the last values of one key, in a ring that grows with them. */
class Recent {
  readonly #threshold: number;
  readonly #times: number[] = [];
  #next = 0;
  /** When a burst was last told of. */
  told = -Infinity;

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** Takes the newest; gives the oldest of the last `threshold`, where there are that many. */
  add(now: number): number | undefined {
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % this.#threshold;
    return this.#times.length < this.#threshold ? undefined : this.#times[this.#next];
  }
}
