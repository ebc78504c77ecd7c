import { asyncScheduler } from 'rxjs';

import { checkOptions } from '../common/options.js';
import { boundedKey } from '../lookups/bounded-key.js';
import { ExpiringMap } from '../lookups/expiring-map.js';
import type { KeyStore, KeyTimes } from './key-store.js';
import { MEMORY_RULES, type MemoryOptions } from './memory-counters.js';

/** A key store in the memory of this process. */
export interface MemoryKeys extends KeyStore {
  attempt(key: string, times: KeyTimes): number;
  /** How many keys are kept: of those that wait, and of those that have passed. */
  readonly size: number;
}

/**
 * Remembers who has waited in the memory of this process: the default, which needs no server. Another process, and this
 * one after a restart, knows nothing of it, and lets everybody wait anew.
 *
 * Those that wait and those that have passed have `maxKeys` places each, so that a flood of first attempts pushes out
 * nobody who has passed. It does push out others that wait, the oldest first: `maxKeys` has to be above the number of
 * first attempts within the time after which senders try again.
 *
 * @throws TypeError or RangeError where an option is wrong
 * @example greylist({ store: memoryKeys({ maxKeys: 500_000 }) })
 */
export function memoryKeys(options: MemoryOptions = {}): MemoryKeys {
  checkOptions('memoryKeys()', options, MEMORY_RULES);
  const { maxKeys = 100_000, scheduler = asyncScheduler } = options;
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
