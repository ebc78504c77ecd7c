import type { Awaitable } from './awaitable.js';

/**
 * Keeps points by key that fade away: half of them are gone after each half-life. This is what `reputation()` asks and
 * feeds. `memoryScores()` and `redisScores()` are such; one of your own has to add atomically, to settle what it is
 * asked, and to bound what it keeps.
 *
 * What is left of less than 0.01 points counts as nothing, and is forgotten; above 1 000 000 000 they do not rise.
 */
export interface Scores {
  /**
   * Adds points to what is left of the earlier ones.
   *
   * @param key of any length; different ones are different scores
   * @param points from 0 on
   * @param halfLife in milliseconds; the same key with another half-life is another score
   * @returns the points with these. What it throws or rejects with means that nobody can be asked at present.
   */
  add(key: string, points: number, halfLife: number): Awaitable<number>;
  /**
   * Says how many points are left.
   *
   * @returns 0 where nothing is known. What it throws or rejects with means that nobody can be asked at present.
   */
  of(key: string, halfLife: number): Awaitable<number>;
}
