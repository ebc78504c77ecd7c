import fc from 'fast-check';
import { memoryScores } from 'rxmilter/policies';
import { describe, expect, it } from 'vitest';

import { marbles } from '../support/marbles.js';
import { fakeClock } from './support/fake-clock.js';

const HALF = 1_000;

describe('memoryScores', () => {
  it('loses half of the points in each half-life', () => {
    const clock = fakeClock(0);
    const scores = memoryScores(clock);
    expect(scores.add('a', 8, HALF)).toBe(8);
    clock.now = 1_000;
    expect(scores.of('a', HALF)).toBe(4);
    clock.now = 2_000;
    expect(scores.add('a', 1, HALF)).toBe(3);
    clock.now = 4_000;
    expect(scores.of('a', HALF)).toBe(0.75);
  });

  it('keeps each key and half-life by itself', () => {
    const scores = memoryScores(fakeClock(0));
    scores.add('a', 1, HALF);
    scores.add('b', 2, HALF);
    scores.add('a', 4, 2 * HALF);
    expect([scores.of('a', HALF), scores.of('b', HALF), scores.of('a', 2 * HALF)]).toEqual([1, 2, 4]);
    expect(scores.of('c', HALF)).toBe(0);
    expect(scores.size).toBe(3);
  });

  it('has the sum of what was added, each decayed since', () => {
    const additions = fc.array(
      fc.record({ pause: fc.nat(3_000), points: fc.integer({ min: 1, max: 1_000 }) }),
      {
        minLength: 1,
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 10_000 }),
        fc.nat(10_000),
        additions,
        (halfLife, start, all) => {
          const clock = fakeClock(start);
          const scores = memoryScores(clock);
          const added: { at: number; points: number }[] = [];
          for (const { pause, points } of all) {
            clock.now += pause;
            const model = (): number =>
              added.reduce((sum, each) => sum + each.points * 0.5 ** ((clock.now - each.at) / halfLife), 0);
            // What counts as nothing is left out, so that the sum may be less by as much.
            const slack = (): number => 0.02 + model() * 1e-9;
            expect(Math.abs(scores.of('a', halfLife) - model())).toBeLessThan(slack());
            added.push({ at: clock.now, points });
            expect(Math.abs(scores.add('a', points, halfLife) - model())).toBeLessThan(slack());
          }
        },
      ),
    );
  });

  it('forgets by itself what has come to less than a hundredth', () => {
    const clock = fakeClock(0);
    const scores = memoryScores(clock);
    for (let key = 0; key < 50; key++) scores.add(`old ${key}`, 1, HALF);
    clock.now = 6_600; // 2 ** -6.6 is 0.0103
    expect(scores.of('old 0', HALF)).toBeCloseTo(0.0103, 4);
    clock.now = 6_700; // 2 ** -6.7 is 0.0096
    expect(scores.of('old 0', HALF)).toBe(0);
    expect(scores.of('old 1', HALF)).toBe(0);
    for (let key = 0; key < 50; key++) scores.add(`new ${key}`, 1, HALF);
    expect(scores.size).toBe(50);
  });

  it('takes less than a hundredth for nothing, and rises to a bound', () => {
    const scores = memoryScores(fakeClock(0));
    expect(scores.add('a', 0.009, HALF)).toBe(0);
    expect(scores.size).toBe(0);
    expect(scores.add('a', 0.01, HALF)).toBe(0.01);
    expect(scores.add('a', 1e300, HALF)).toBe(1_000_000_000);
    expect(scores.add('a', 5, HALF)).toBe(1_000_000_000);
  });

  it('keeps no more keys than it is told to, and lets those go that got no points for longest', () => {
    const scores = memoryScores({ ...fakeClock(0), maxKeys: 3 });
    for (const key of ['a', 'b', 'a', 'c', 'd', 'a']) scores.add(key, 1, HALF);
    // To be asked for keeps no key.
    for (let key = 0; key < 9; key++) scores.of(`stranger ${key}`, HALF);
    expect(scores.size).toBe(3);
    expect([scores.of('a', HALF), scores.of('b', HALF), scores.of('d', HALF)]).toEqual([3, 0, 1]);
  });

  it('begins anew after the clock was set back', () => {
    const clock = fakeClock(3_600_000);
    const scores = memoryScores(clock);
    scores.add('a', 9, HALF);
    clock.now = 0;
    expect(scores.add('a', 1, HALF)).toBe(1);
  });

  it(
    'goes by virtual time in a drawing',
    marbles(({ hot, expectObservable, flush }) => {
      const scores = memoryScores();
      const left: number[] = [];
      hot('a 999ms a 1999ms a').subscribe(() => left.push(scores.add('a', 1, HALF)));
      expectObservable(hot('-')).toBe('-');
      flush();
      expect(left).toEqual([1, 1.5, 1.375]);
    }),
  );

  it.each([
    [-1, HALF, 'memoryScores(): points is -1; it has to be a number from 0 on.'],
    [NaN, HALF, 'memoryScores(): points is NaN; it has to be a number from 0 on.'],
    [Infinity, HALF, 'memoryScores(): points is Infinity; it has to be a number from 0 on.'],
    [1, 0, 'memoryScores(): halfLife is 0; it has to be a number of milliseconds from 1 on.'],
  ])('refuses %d points and a half-life of %d', (points, halfLife, message) => {
    const scores = memoryScores();
    expect(() => scores.add('a', points, halfLife)).toThrow(new RangeError(message));
    expect(scores.of('a', HALF)).toBe(0);
  });

  it('refuses to keep less than one key', () => {
    expect(() => memoryScores({ maxKeys: 0 })).toThrow(
      new RangeError('memoryScores(): maxKeys is 0; it has to be a whole number from 1 on.'),
    );
  });
});
