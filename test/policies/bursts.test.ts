import fc from 'fast-check';
import { Subject, map, take, throwError } from 'rxjs';
import { bursts, type Burst } from 'rxmilter/policies';
import { describe, expect, it } from 'vitest';

import { marbles } from '../support/marbles.js';
import { fakeClock } from './support/fake-clock.js';

const key = (value: string): string => value;
const says = map((burst: Burst<string>) => `${burst.key} ${burst.since}-${burst.until}`);

describe('bursts', () => {
  it(
    'finds so many values of one key within the window, and not in one that is longer',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('a-a-a-----a---a--a--|');
      // At 4 there are three from 0 on; 10, 14 and 17 are too far apart.
      expectObservable(source.pipe(bursts({ key, threshold: 3, window: 5 }), says)).toBe(
        '                 ----x---------------|',
        { x: 'a 0-4' },
      );
      expectSubscriptions(source.subscriptions).toBe('^-------------------!');
    }),
  );

  it(
    'looks at each key by itself, and at nothing that has none',
    marbles(({ hot, expectObservable }) => {
      const source = hot('abxxab-');
      const own = (value: string): string | undefined => (value === 'x' ? undefined : value);
      expectObservable(source.pipe(bursts({ key: own, threshold: 2, window: 9 }), says)).toBe('----yz-', {
        y: 'a 0-4',
        z: 'b 1-5',
      });
    }),
  );

  it(
    'tells of a burst that goes on once in each window',
    marbles(({ hot, expectObservable }) => {
      expectObservable(hot('aaaaaaaaaaaa-').pipe(bursts({ key, threshold: 2, window: 4 }), says)).toBe(
        '                   -x---y---z---',
        { x: 'a 0-1', y: 'a 4-5', z: 'a 8-9' },
      );
    }),
  );

  it(
    'lets go of the oldest key where there are too many',
    marbles(({ hot, expectObservable }) => {
      const options = { key, threshold: 2, window: 100 };
      expectObservable(hot('abca').pipe(bursts({ ...options, maxKeys: 3 }), says)).toBe('---x', {
        x: 'a 0-3',
      });
      expectObservable(hot('abca').pipe(bursts({ ...options, maxKeys: 2 }))).toBe('----');
    }),
  );

  it(
    'fails with its source, and where no key can be had',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const broken = new Error('broken');
      const fails = (): never => {
        throw broken;
      };
      const options = { key, threshold: 1, window: 5 };
      expectObservable(throwError(() => broken).pipe(bursts<never>({ ...options }))).toBe(
        '#',
        undefined,
        broken,
      );
      const source = hot('--a-b-');
      expectObservable(source.pipe(bursts({ ...options, key: fails }))).toBe('--#', undefined, broken);
      expectSubscriptions(source.subscriptions).toBe('^-!');
      const first = cold('a-b-c-|');
      expectObservable(first.pipe(bursts(options), says, take(1))).toBe('(x|)', { x: 'a 0-0' });
      expectSubscriptions(first.subscriptions).toBe('(^!)');
    }),
  );

  it('finds what counting all of it finds', () => {
    const step = fc.tuple(fc.nat(6), fc.constantFrom('a', 'b'));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), (threshold, steps) => {
        const window = 10;
        const clock = fakeClock(1_000);
        const source = new Subject<string>();
        const found: string[] = [];
        const options = { key, threshold, window, scheduler: clock.scheduler };
        source
          .pipe(bursts(options))
          .subscribe((burst) => found.push(`${burst.key} ${burst.since} ${burst.until}`));
        const all: Record<string, number[]> = { a: [], b: [] };
        const told: Record<string, number> = {};
        const expected: string[] = [];
        for (const [pause, value] of steps) {
          clock.now += pause;
          const times = all[value] ?? [];
          times.push(clock.now);
          const since = times.at(-threshold);
          const burst = since !== undefined && clock.now - since < window;
          if (burst && clock.now - (told[value] ?? -Infinity) >= window) {
            told[value] = clock.now;
            expected.push(`${value} ${since} ${clock.now}`);
          }
          source.next(value);
        }
        expect(found).toEqual(expected);
      }),
    );
  });

  it('begins anew for each who subscribes', () => {
    const source = new Subject<string>();
    const told: string[] = [];
    const found = source.pipe(bursts({ key, threshold: 2, window: 1_000 }));
    found.subscribe(() => told.push('first'));
    source.next('a');
    found.subscribe(() => told.push('second'));
    source.next('a');
    expect(told).toEqual(['first']);
  });

  it.each([
    [{ threshold: 0 }, 'bursts(): threshold is 0; it has to be a whole number from 1 on.'],
    [{ window: 0 }, 'bursts(): window is 0; it has to be a number of milliseconds from 1 on.'],
    [{ maxKeys: Infinity }, 'bursts(): maxKeys is Infinity; it has to be a whole number from 1 on.'],
    [{ key: 'client' as never }, "bursts(): key is 'client'; it has to be a function."],
  ])('refuses %o', (options, message) => {
    expect(() => bursts({ key, threshold: 1, window: 1, ...options })).toThrow(message);
  });
});
