import { asyncScheduler, type SchedulerLike } from 'rxjs';

import { checkOptions, scheduler as schedulerRule, whole, type Rules } from '../common/options.js';
import { boundedKey, ExpiringMap } from '../lookups/expiring-map.js';
import {
  checkPoints,
  type Counters,
  type KeyStore,
  type KeyTimes,
  LEAST_SCORE,
  MOST_SCORE,
  type Scores,
} from './stores.js';

/** How much a store in memory keeps; everything has a default. Other processes do not share it. */
export interface MemoryOptions {
  /** The most keys to keep; the least recently used goes first. Default 100 000, some 20 MB. */
  readonly maxKeys?: number | undefined;
  /** The clock. Default: RxJS's `asyncScheduler`. */
  readonly scheduler?: SchedulerLike | undefined;
}

const RULES: Rules<MemoryOptions> = { maxKeys: whole(1), scheduler: schedulerRule };

function resolved(where: string, options: MemoryOptions): { maxKeys: number; scheduler: SchedulerLike } {
  checkOptions(where, options, RULES);
  const { maxKeys = 100_000, scheduler = asyncScheduler } = options;
  return { maxKeys, scheduler };
}

/** Counters in the memory of this process. */
export interface MemoryCounters extends Counters {
  hit(key: string, window: number, limit?: number): number;
  /** How many keys are kept. */
  readonly size: number;
}

/** Hits since a multiple of the window, `slot`, and in the window before that. */
interface Hits {
  readonly slot: number;
  current: number;
  readonly previous: number;
}

/**
 * Counts in the memory of this process: the default of `rateLimit()`, which needs no server.
 *
 * @remarks Windows begin at multiples of `window`; of the one before the part within the last `window` counts as if it
 *   had come evenly. So in the long run no more than `limit` pass in each `window`, and never more than twice as many in
 *   any. More than `maxKeys` keys within a window push older ones out, which then begin at 0.
 * @throws TypeError or RangeError where an option is wrong
 * @example const counters = memoryCounters({ maxKeys: 10_000 });
 */
export function memoryCounters(options: MemoryOptions = {}): MemoryCounters {
  const { maxKeys, scheduler } = resolved('memoryCounters()', options);
  const kept = new ExpiringMap<Hits>(maxKeys);
  return {
    hit(key, window, limit = Infinity) {
      const now = scheduler.now();
      const name = `${window} ${boundedKey(key)}`;
      const hits = hitsAt(Math.floor(now / window), kept.get(name, now));
      // Above 1 where the clock was set back: then the slot has just begun.
      const rest = Math.min(1, 1 - now / window + hits.slot);
      // Rounded down: otherwise the last hit of the limit would never pass, and of a limit of 1 that is all.
      const count = Math.floor(hits.previous * rest) + hits.current + 1;
      if (count <= limit) hits.current++;
      kept.set(name, hits, now, 2 * window);
      return count;
    },
    get size() {
      return kept.size;
    },
  };
}

function hitsAt(slot: number, known: Hits = { slot, current: 0, previous: 0 }): Hits {
  if (slot <= known.slot) return known;
  return { slot, current: 0, previous: slot === known.slot + 1 ? known.current : 0 };
}

/** A key store in the memory of this process. */
export interface MemoryKeys extends KeyStore {
  attempt(key: string, times: KeyTimes): number;
  /** How many keys are kept: of those that wait, and of those that have passed. */
  readonly size: number;
}

/**
 * Remembers in the memory of this process who has waited: the default of `greylist()`, which needs no server.
 *
 * @remarks Keys that wait and keys that have passed have `maxKeys` places each, so that a flood of first attempts pushes
 *   out no sender that has passed. It does push out others that wait, the oldest first: `maxKeys` has to be above the
 *   number of first attempts within the time after which senders try again. A restart forgets all.
 * @throws TypeError or RangeError where an option is wrong
 * @example greylist({ store: memoryKeys({ maxKeys: 500_000 }) })
 */
export function memoryKeys(options: MemoryOptions = {}): MemoryKeys {
  const { maxKeys, scheduler } = resolved('memoryKeys()', options);
  const waiting = new ExpiringMap<number>(maxKeys);
  const passed = new ExpiringMap<true>(maxKeys);
  return {
    attempt(key, { delay, window, lifetime }) {
      const now = scheduler.now();
      const name = boundedKey(key);
      if (passed.get(name, now) === undefined) {
        const first = waiting.get(name, now);
        if (first === undefined) waiting.set(name, now, now, window);
        const left = (first ?? now) + delay - now;
        if (left > 0) return left;
        waiting.delete(name);
      }
      passed.set(name, true, now, lifetime);
      return 0;
    },
    get size() {
      return waiting.size + passed.size;
    },
  };
}

/** Scores in the memory of this process. */
export interface MemoryScores extends Scores {
  add(key: string, points: number, halfLife: number): number;
  of(key: string, halfLife: number): number;
  /** How many keys are kept. */
  readonly size: number;
}

/**
 * Keeps scores in the memory of this process: the default of `reputation()`, which needs no server.
 *
 * @remarks Points under more than `maxKeys` keys push out those that had none for longest, which then begin at 0. A
 *   restart forgets all.
 * @throws TypeError or RangeError where an option is wrong; from `add` and `of`, where points or a half-life are
 * @example const scores = memoryScores({ maxKeys: 10_000 });
 */
export function memoryScores(options: MemoryOptions = {}): MemoryScores {
  const { maxKeys, scheduler } = resolved('memoryScores()', options);
  const kept = new ExpiringMap<{ readonly points: number; readonly since: number }>(maxKeys);
  const add = (key: string, more: number, halfLife: number): number => {
    checkPoints('memoryScores()', more, halfLife);
    const now = scheduler.now();
    const name = `${halfLife} ${boundedKey(key)}`;
    const { points, since } = kept.get(name, now) ?? { points: 0, since: now };
    const rest = decayed(points, now - since, halfLife);
    // To add nothing is to ask, and keeps no key.
    if (more === 0) return rest;
    const sum = Math.min(MOST_SCORE, rest + more);
    if (sum < LEAST_SCORE) {
      kept.delete(name);
      return 0;
    }
    kept.set(name, { points: sum, since: now }, now, lifetimeOf(sum, halfLife));
    return sum;
  };
  return {
    add,
    of: (key, halfLife) => add(key, 0, halfLife),
    get size() {
      return kept.size;
    },
  };
}

/** The rest of points after a time; all of them where the clock was set back. */
function decayed(points: number, elapsed: number, halfLife: number): number {
  const rest = points * 2 ** (-Math.max(0, elapsed) / halfLife);
  return rest < LEAST_SCORE ? 0 : rest;
}

/** For how long points count, in milliseconds. */
function lifetimeOf(points: number, halfLife: number): number {
  return halfLife * Math.log2(points / LEAST_SCORE);
}
