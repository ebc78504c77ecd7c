import type { Awaitable } from './awaitable.js';

/** How long things may take for a key, in milliseconds. */
export interface KeyTimes {
  /** From the first attempt to the one that passes. */
  readonly delay: number;
  /** From the first attempt to its being forgotten, where none has passed. */
  readonly window: number;
  /** From the last attempt that passed to its being forgotten. */
  readonly lifetime: number;
}

/**
 * Remembers, by key, who has waited: what `greylist()` asks. `memoryKeys()` and `redisKeys()` are such; one of your own
 * has to be atomic, so that of two that ask at the same time one is the first for both, and to bound what it keeps.
 */
export interface KeyStore {
  /**
   * Notes an attempt.
   *
   * - Unknown, or forgotten: this is the first, and has to wait for `delay`.
   * - Before `delay` is over: has to wait for the rest of it.
   * - After that: passes, and is known for `lifetime` from now on, as each later attempt is.
   *
   * @param key of any length
   * @returns the milliseconds that are left to wait, 0 or less where it passes. What it throws or rejects with means
   *   that nobody can be asked at present.
   */
  attempt(key: string, times: KeyTimes): Awaitable<number>;
}
