import fc from 'fast-check';
import { memoryKeys } from 'rxmilter/policies';
import { describe, expect, it } from 'vitest';

import { fakeClock } from './support/fake-clock.js';

const TIMES = { delay: 100, window: 1_000, lifetime: 5_000 };

describe('memoryKeys', () => {
  it('lets one pass that comes after the delay, and then at once', () => {
    const clock = fakeClock(0);
    const keys = memoryKeys(clock);
    const at = (now: number): number => {
      clock.now = now;
      return keys.attempt('k', TIMES);
    };
    expect([0, 40, 99, 100, 101, 5_000].map(at)).toEqual([100, 60, 1, 0, 0, 0]);
    // Known for 5 000 from the last one on.
    expect([9_999, 14_999, 15_098, 15_100].map(at)).toEqual([0, 100, 1, 0]);
  });

  it('makes one that comes after the window a first one', () => {
    const clock = fakeClock(0);
    const keys = memoryKeys(clock);
    keys.attempt('k', TIMES);
    clock.now = 1_000;
    expect(keys.attempt('k', TIMES)).toBe(100);
    clock.now = 1_100;
    expect(keys.attempt('k', TIMES)).toBe(0);
  });

  it('holds apart what differs in one letter, however long', () => {
    const clock = fakeClock(0);
    const keys = memoryKeys(clock);
    const long = 'x'.repeat(2_000);
    keys.attempt(`${long}a`, TIMES);
    clock.now = 100;
    expect(keys.attempt(`${long}a`, TIMES)).toBe(0);
    expect(keys.attempt(`${long}b`, TIMES)).toBe(100);
  });

  it('lets all pass who have waited, and no other', () => {
    const attempts = fc.array(fc.tuple(fc.nat(400), fc.nat(2)), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(attempts, (steps) => {
        const clock = fakeClock(0);
        const keys = memoryKeys(clock);
        const first = new Map<number, number>();
        const passed = new Map<number, number>();
        for (const [pause, key] of steps) {
          clock.now += pause;
          const now = clock.now;
          const known = now < (passed.get(key) ?? -Infinity) + TIMES.lifetime;
          const before = first.get(key);
          const began = before !== undefined && now < before + TIMES.window ? before : now;
          const left = known ? 0 : Math.max(0, began + TIMES.delay - now);
          expect(keys.attempt(String(key), TIMES)).toBe(left);
          if (left === 0) {
            passed.set(key, now);
            first.delete(key);
          } else {
            first.set(key, began);
          }
        }
      }),
    );
  });

  it('keeps those that have passed while others flood it, and no more of each than it is told to', () => {
    const clock = fakeClock(0);
    const keys = memoryKeys({ ...clock, maxKeys: 3 });
    keys.attempt('good', TIMES);
    clock.now = 100;
    keys.attempt('good', TIMES);
    for (let key = 0; key < 100; key++) keys.attempt(`flood ${key}`, TIMES);
    expect(keys.size).toBe(4);
    expect(keys.attempt('good', TIMES)).toBe(0);
    clock.now = 200;
    for (let key = 97; key < 100; key++) expect(keys.attempt(`flood ${key}`, TIMES)).toBe(0);
    expect(keys.size).toBe(3);
  });

  it('forgets by itself who has not come back', () => {
    const clock = fakeClock(0);
    const keys = memoryKeys(clock);
    for (let key = 0; key < 50; key++) keys.attempt(`old ${key}`, TIMES);
    clock.now = 1_000;
    for (let key = 0; key < 50; key++) keys.attempt(`new ${key}`, TIMES);
    expect(keys.size).toBe(50);
  });

  it('refuses to keep less than one key', () => {
    expect(() => memoryKeys({ maxKeys: 1.5 })).toThrow(
      new RangeError('memoryKeys(): maxKeys is 1.5; it has to be a whole number from 1 on.'),
    );
  });
});
