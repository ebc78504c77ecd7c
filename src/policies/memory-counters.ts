import { asyncScheduler, type SchedulerLike } from 'rxjs';

import { checkOptions, scheduler as schedulerRule, whole, type Rules } from '../common/options.js';
import { boundedKey } from '../lookups/bounded-key.js';
import { ExpiringMap } from '../lookups/expiring-map.js';
import type { Counters } from './counters.js';
import { SlidingCount } from './sliding-count.js';

/** How much is kept in this process. */
export interface MemoryOptions {
  /** The most keys to keep; the one that was used least recently goes first. Default 100 000, some 20 MB. */
  readonly maxKeys?: number | undefined;
  /** Whose clock counts. Default: RxJS's `asyncScheduler`, which is virtual in a drawing. */
  readonly scheduler?: SchedulerLike | undefined;
}

/** What each of them has to be. */
export const MEMORY_RULES: Rules<MemoryOptions> = { maxKeys: whole(1), scheduler: schedulerRule };

/** Counters in the memory of this process. */
export interface MemoryCounters extends Counters {
  hit(key: string, window: number, limit?: number): number;
  /** How many keys are kept. */
  readonly size: number;
}

/**
 * Counts in the memory of this process: the default, which needs no server. Another process, and this one after a
 * restart, knows nothing of it.
 *
 * Of each key two numbers are kept for two windows. The count is that of the running window (they begin at multiples of
 * `window`), and of the one before as much as has to be for the length of one. So in the long run no more than `limit`
 * pass in each `window`, and never more than twice as many in any.
 *
 * Someone who sends under more than `maxKeys` keys within a window pushes older ones out, which then count from 0.
 *
 * @throws TypeError or RangeError where an option is wrong
 * @example const counters = memoryCounters({ maxKeys: 10_000 });
 */
export function memoryCounters(options: MemoryOptions = {}): MemoryCounters {
  checkOptions('memoryCounters()', options, MEMORY_RULES);
  const { maxKeys = 100_000, scheduler = asyncScheduler } = options;
  const counts = new ExpiringMap<SlidingCount>(maxKeys);
  return {
    hit(key, window, limit = Infinity) {
      const now = scheduler.now();
      const name = `${window} ${boundedKey(key)}`;
      const count = counts.get(name, now) ?? new SlidingCount(window, now);
      const result = count.hit(now, limit);
      counts.set(name, count, now, 2 * window);
      return result;
    },
    get size() {
      return counts.size;
    },
  };
}
