import { asyncScheduler } from 'rxjs';

import { checkOptions } from '../common/options.js';
import { boundedKey } from '../lookups/bounded-key.js';
import { ExpiringMap } from '../lookups/expiring-map.js';
import { LEAST_SCORE, MOST_SCORE, checkPoints, faded, lifetimeOf } from './fading.js';
import { MEMORY_RULES, type MemoryOptions } from './memory-counters.js';
import type { Scores } from './scores.js';

/** Scores in the memory of this process. */
export interface MemoryScores extends Scores {
  add(key: string, points: number, halfLife: number): number;
  of(key: string, halfLife: number): number;
  /** How many keys are kept. */
  readonly size: number;
}

interface Score {
  readonly points: number;
  readonly since: number;
}

/**
 * Keeps scores in the memory of this process: the default, which needs no server. Another process, and this one after a
 * restart, knows nothing of it.
 *
 * Of each key two numbers are kept until they count as nothing. Someone who gets points under more than `maxKeys` keys
 * pushes out those that had none for longest, which then begin at 0. After the clock was set back all do.
 *
 * @throws TypeError or RangeError where an option is wrong; when asked, where points or a half-life are out of
 *   range
 * @example const scores = memoryScores({ maxKeys: 10_000 });
 */
export function memoryScores(options: MemoryOptions = {}): MemoryScores {
  checkOptions('memoryScores()', options, MEMORY_RULES);
  const { maxKeys = 100_000, scheduler = asyncScheduler } = options;
  const scores = new ExpiringMap<Score>(maxKeys);
  const left = (name: string, now: number, halfLife: number): number => {
    const { points, since } = scores.get(name, now) ?? { points: 0, since: now };
    return faded(points, now - since, halfLife);
  };
  return {
    add(key, more, halfLife) {
      checkPoints('memoryScores()', more, halfLife);
      const now = scheduler.now();
      const name = nameOf(key, halfLife);
      const points = Math.min(MOST_SCORE, left(name, now, halfLife) + more);
      if (points < LEAST_SCORE) {
        scores.delete(name);
        return 0;
      }
      scores.set(name, { points, since: now }, now, lifetimeOf(points, halfLife));
      return points;
    },
    of(key, halfLife) {
      checkPoints('memoryScores()', 0, halfLife);
      return left(nameOf(key, halfLife), scheduler.now(), halfLife);
    },
    get size() {
      return scores.size;
    },
  };
}

function nameOf(key: string, halfLife: number): string {
  return `${halfLife} ${boundedKey(key)}`;
}
