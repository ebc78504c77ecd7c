import fc from 'fast-check';
import { memoryCounters } from 'rxmilter/policies';
import { describe, expect, it } from 'vitest';

import { marbles } from '../support/marbles.js';
import { fakeClock } from './support/fake-clock.js';

const WINDOW = 1_000;

describe('memoryCounters', () => {
  it('counts within a window, for each key and window by itself', () => {
    const clock = fakeClock(0);
    const counters = memoryCounters(clock);
    expect([counters.hit('a', WINDOW), counters.hit('a', WINDOW), counters.hit('b', WINDOW)]).toEqual([
      1, 2, 1,
    ]);
    expect([counters.hit('a', 2 * WINDOW), counters.hit('a', WINDOW)]).toEqual([1, 3]);
    expect(counters.size).toBe(3);
  });

  it('counts of the window before as much as lies within the last one', () => {
    const clock = fakeClock(0);
    const counters = memoryCounters(clock);
    for (let count = 1; count <= 8; count++) expect(counters.hit('a', WINDOW)).toBe(count);
    clock.now = 1_250;
    // 3/4 of 8, and this one.
    expect(counters.hit('a', WINDOW)).toBe(7);
    clock.now = 1_500;
    // Half of 8, the one above, and this one.
    expect(counters.hit('a', WINDOW)).toBe(6);
    clock.now = 2_000;
    expect(counters.hit('a', WINDOW)).toBe(3);
    // Nothing came in the one from 3 000 on.
    clock.now = 4_000;
    expect(counters.hit('a', WINDOW)).toBe(1);
    clock.now = 4_900;
    expect(counters.hit('a', WINDOW)).toBe(2);
    clock.now = 6_000;
    expect(counters.hit('a', WINDOW)).toBe(1);
  });

  it('does not count what would exceed the limit', () => {
    const counters = memoryCounters(fakeClock(0));
    const counts = Array.from({ length: 9 }, () => counters.hit('a', WINDOW, 3));
    expect(counts).toEqual([1, 2, 3, 4, 4, 4, 4, 4, 4]);
    expect(counters.hit('a', WINDOW)).toBe(4);
    expect(counters.hit('none', WINDOW, 0)).toBe(1);
    expect(counters.hit('none', WINDOW)).toBe(1);
  });

  it('lets no more than the limit through in each window, twice that in any, and all of it in the long run', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.nat(5_000),
        fc.array(fc.nat(400), { minLength: 1, maxLength: 200 }),
        (limit, start, pauses) => {
          const clock = fakeClock(start);
          const counters = memoryCounters(clock);
          const through: number[] = [];
          for (const pause of pauses) {
            clock.now += pause;
            if (counters.hit('a', WINDOW, limit) <= limit) through.push(clock.now);
          }
          expect(through[0]).toBe(start + (pauses[0] ?? 0));
          for (const time of through) {
            const slot = Math.floor(time / WINDOW);
            expect(through.filter((each) => Math.floor(each / WINDOW) === slot).length).toBeLessThanOrEqual(
              limit,
            );
            const within = through.filter((each) => each >= time && each < time + WINDOW);
            expect(within.length).toBeLessThanOrEqual(2 * limit);
          }
        },
      ),
    );
    // A sender that never stops trying gets the whole limit, in the tenth window as in the first.
    const clock = fakeClock(0);
    const counters = memoryCounters(clock);
    let through = 0;
    for (; clock.now < 10 * WINDOW; clock.now++) if (counters.hit('a', WINDOW, 5) <= 5) through++;
    expect(through).toBe(50);
  });

  it('keeps no more keys than it is told to, and lets those go that were not used', () => {
    const counters = memoryCounters({ ...fakeClock(0), maxKeys: 3 });
    for (const key of ['a', 'b', 'a', 'c', 'd', 'a']) counters.hit(key, WINDOW);
    expect(counters.size).toBe(3);
    expect(counters.hit('a', WINDOW)).toBe(4);
    expect(counters.hit('b', WINDOW)).toBe(1);
  });

  it('forgets by itself what is two windows old', () => {
    const clock = fakeClock(0);
    const counters = memoryCounters(clock);
    for (let key = 0; key < 50; key++) counters.hit(`old ${key}`, WINDOW);
    clock.now = 2 * WINDOW;
    for (let key = 0; key < 50; key++) counters.hit(`new ${key}`, WINDOW);
    expect(counters.size).toBe(50);
  });

  it('begins anew after the clock was set back', () => {
    const clock = fakeClock(3_600_000);
    const counters = memoryCounters(clock);
    for (let count = 0; count < 9; count++) counters.hit('a', WINDOW, 3);
    clock.now = 0;
    expect(counters.hit('a', WINDOW, 3)).toBe(1);
  });

  it(
    'goes by virtual time in a drawing',
    marbles(({ hot, expectObservable, flush }) => {
      const counters = memoryCounters();
      const counts: number[] = [];
      hot('aa 998ms a 2s a').subscribe(() => counts.push(counters.hit('a', WINDOW, 2)));
      expectObservable(hot('-')).toBe('-');
      flush();
      expect(counts).toEqual([1, 2, 3, 1]);
    }),
  );

  it('refuses to keep less than one key', () => {
    expect(() => memoryCounters({ maxKeys: 0 })).toThrow(
      new RangeError('memoryCounters(): maxKeys is 0; it has to be a whole number from 1 on.'),
    );
  });
});
