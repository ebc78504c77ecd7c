import { checkArgument, number } from '../common/options.js';

/** A value, or a promise of one. */
export type Awaitable<T> = T | PromiseLike<T>;

/** A store is unavailable: it did not reply in time, or with something that is no answer. See `cause`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * Counts by key how often something happened lately: the store of `rateLimit()`.
 *
 * @remarks An implementation of your own has to count atomically, and to bound what it keeps.
 */
export interface Counters {
  /**
   * Counts one more, and returns how many that makes in the last `window`: more than `limit` where it was not counted.
   *
   * @param key of any length
   * @param window in milliseconds; the same key with another window is another count
   * @param limit the count does not rise above it. Default: none
   * @throws (or rejects) where the store is unavailable
   */
  hit(key: string, window: number, limit?: number): Awaitable<number>;
}

/** The times of a greylist, in milliseconds. */
export interface KeyTimes {
  /** From the first attempt to the one that passes. */
  readonly delay: number;
  /** From the first attempt until it is forgotten, where none has passed. */
  readonly window: number;
  /** From the last attempt that passed until the key is forgotten. */
  readonly lifetime: number;
}

/**
 * Remembers by key which senders have waited: the store of `greylist()`.
 *
 * @remarks An implementation of your own has to be atomic, so that of two attempts at the same time one is the first
 *   for both, and to bound what it keeps.
 */
export interface KeyStore {
  /**
   * Notes an attempt, and returns how many milliseconds it still has to wait; 0 or less where it passes.
   *
   * @remarks A first attempt has to wait for `delay`, others meanwhile for the rest of it. Later ones pass, and keep the
   *   key for another `lifetime`.
   * @param key of any length
   * @throws (or rejects) where the store is unavailable
   */
  attempt(key: string, times: KeyTimes): Awaitable<number>;
}

/**
 * Keeps points by key that decay, by half in each half-life: the store of `reputation()`.
 *
 * @remarks A rest of less than 0.01 points counts as 0; points do not rise above 1 000 000 000. An implementation of your
 *   own has to add atomically, to settle every call, and to bound what it keeps.
 */
export interface Scores {
  /**
   * Adds points to the rest of the earlier ones, and returns the sum.
   *
   * @param key of any length
   * @param points from 0 on
   * @param halfLife in milliseconds; the same key with another half-life is another score
   * @throws (or rejects) where the store is unavailable
   */
  add(key: string, points: number, halfLife: number): Awaitable<number>;
  /**
   * Returns the points that are left: 0 for an unknown key.
   *
   * @throws (or rejects) where the store is unavailable
   */
  of(key: string, halfLife: number): Awaitable<number>;
}

/** Fewer points count as 0. */
export const LEAST_SCORE = 0.01;
/** Points do not rise above this, so that they are forgotten after some 37 half-lives at the latest. */
export const MOST_SCORE = 1_000_000_000;

/** The rule for points: NaN, for one, would stay in a score for good. */
export const POINTS = number(0);
const HALF_LIFE = number(1, Infinity, 'milliseconds');

/** Throws where points or a half-life are wrong. */
export function checkPoints(where: string, points: number, halfLife: number): void {
  checkArgument(where, 'points', points, POINTS);
  checkArgument(where, 'halfLife', halfLife, HALF_LIFE);
}
