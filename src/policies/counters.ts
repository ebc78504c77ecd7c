import type { Awaitable } from './awaitable.js';

/**
 * Counts, by key, how often something happened of late: what `rateLimit()` asks. `memoryCounters()` and
 * `redisCounters()` are such; one of your own has to count atomically, and to bound what it keeps.
 */
export interface Counters {
  /**
   * Counts one more, and says how many that makes in the last `window`; one that would exceed `limit` is not counted.
   *
   * @param key of any length; different ones are different counts
   * @param window in milliseconds; the same key with another window is another count
   * @param limit default: none
   * @returns the count with this one: more than `limit` where it was not counted. What it throws or rejects with means
   *   that nobody can be asked at present.
   */
  hit(key: string, window: number, limit?: number): Awaitable<number>;
}
