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
import { boundedKey, ExpiringMap } from '../lookups/expiring-map.js';

/** How `bursts()` is set up. */
export interface BurstOptions<T> {
  /** The key of a value; `undefined` for a value that is not counted. An error here ends the stream. */
  readonly key: (value: T) => string | undefined;
  /** How many values within the window are a burst. */
  readonly threshold: number;
  /** The window, which slides, in milliseconds. */
  readonly window: number;
  /** The most keys to keep; the least recently used goes first. Default 10 000. */
  readonly maxKeys?: number | undefined;
  /** The clock. Default: RxJS's `asyncScheduler`. */
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
  /** The time of the first of the last `threshold` values, in milliseconds since 1970. */
  readonly since: number;
  /** The time of the last value, in milliseconds since 1970. */
  readonly until: number;
  /** The value that made it a burst. */
  readonly last: T;
}

/**
 * Finds bursts in a stream: `threshold` values of one key within `window`.
 *
 * @remarks It emits once for a burst, and again after each `window` for as long as it lasts. It has no timers, and keeps
 *   nothing when its source has ended.
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
      const kept = new ExpiringMap<Recent>(maxKeys);
      const burstAt = (last: T): Burst<T> | undefined => {
        const key = keyOf(last);
        if (key === undefined) return undefined;
        const now = scheduler.now();
        const name = boundedKey(key);
        const recent = kept.get(name, now) ?? { times: [], next: 0, emitted: -Infinity };
        kept.set(name, recent, now, window);
        recent.times[recent.next] = now;
        recent.next = (recent.next + 1) % threshold;
        const since = recent.times.length < threshold ? -Infinity : (recent.times[recent.next] ?? now);
        if (now - since >= window || now - recent.emitted < window) return undefined;
        recent.emitted = now;
        return { key, since, until: now, last };
      };
      return source.pipe(
        map(burstAt),
        filter((burst) => burst !== undefined),
      );
    });
}

/** The times of the last values of one key, in a ring of up to `threshold`. */
interface Recent {
  readonly times: number[];
  /** Where the next time goes: over the oldest, once the ring is full. */
  next: number;
  /** When a burst was last emitted. */
  emitted: number;
}
