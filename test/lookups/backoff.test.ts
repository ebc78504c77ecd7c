import fc from 'fast-check';
import { defer, retry, throwError } from 'rxjs';
import { backoff, type BackoffOptions } from 'rxmilter/lookups';
import { describe, expect, it } from 'vitest';

import { marbles } from '../support/marbles.js';

const broken = new Error('broken');

describe('backoff', () => {
  it(
    'tries again after pauses that grow up to the longest, then lets the error through',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-#', undefined, broken);
      const config = backoff({ attempts: 5, initial: 2, max: 5, jitter: 0 });
      // Pauses of 2, 4, 5 and 5 after each frame of work.
      expectObservable(source.pipe(retry(config))).toBe('---------------------#', undefined, broken);
      expectSubscriptions(source.subscriptions).toBe([
        '^!',
        '---^!',
        '--------^!',
        '--------------^!',
        '--------------------^!',
      ]);
    }),
  );

  it(
    'leaves as much of a pause to chance as it is told to',
    marbles(({ cold, expectObservable }) => {
      const after = (options: BackoffOptions): unknown =>
        cold('#', undefined, broken).pipe(retry(backoff({ attempts: 2, initial: 8, ...options })));
      const expected = (source: unknown, marble: string): void =>
        expectObservable(source as ReturnType<typeof cold>).toBe(marble, undefined, broken);
      expected(after({ random: () => 0 }), '--------#');
      expected(after({ random: () => 0.5 }), '----#');
      expected(after({ random: () => 1 }), '#');
      expected(after({ jitter: 0.5, random: () => 1 }), '----#');
    }),
  );

  it(
    'stops waiting when the answer is not wanted any more',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('#', undefined, broken);
      expectObservable(source.pipe(retry(backoff({ initial: 5, jitter: 0 }))), '^---!').toBe('-----');
      expectSubscriptions(source.subscriptions).toBe(['(^!)']);
    }),
  );

  it(
    'tries three times by default, and once where it is told so',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const three = cold('#', undefined, broken);
      const once = cold('#', undefined, broken);
      expectObservable(three.pipe(retry(backoff({ random: () => 1 })))).toBe('#', undefined, broken);
      expectObservable(once.pipe(retry(backoff({ attempts: 1 })))).toBe('#', undefined, broken);
      expectSubscriptions(three.subscriptions).toBe(['(^!)', '(^!)', '(^!)']);
      expectSubscriptions(once.subscriptions).toBe(['(^!)']);
    }),
  );

  it(
    'does not try again what is not worth it, nor when that cannot be said',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const asked: unknown[] = [];
      const source = cold('#', undefined, broken);
      const second = (error: unknown, attempt: number): boolean => {
        asked.push([error, attempt]);
        return attempt < 2;
      };
      expectObservable(
        source.pipe(retry(backoff({ attempts: 9, initial: 3, jitter: 0, retryOn: second }))),
      ).toBe('---#', undefined, broken);
      expectSubscriptions(source.subscriptions).toBe(['(^!)', '---(^!)']);
      const fails = (): never => {
        throw new Error('cannot say');
      };
      expectObservable(cold('#', undefined, broken).pipe(retry(backoff({ retryOn: fails })))).toBe(
        '#',
        undefined,
        new Error('cannot say'),
      );
    }),
  );

  it(
    'begins anew after a value where it is told so',
    marbles(({ cold, expectObservable }) => {
      let tries = 0;
      const source = defer(() => (++tries > 6 ? throwError(() => broken) : cold('a#', undefined, broken)));
      const config = backoff({ attempts: 2, initial: 2, jitter: 0, resetOnSuccess: true });
      expectObservable(source.pipe(retry(config))).toBe('a--a--a--a--a--a--#', undefined, broken);
    }),
  );

  it('never waits longer than the longest pause, however often', () => {
    fc.assert(
      fc.property(
        fc.record({
          initial: fc.nat(100_000),
          factor: fc.double({ min: 1, max: 1e6, noNaN: true }),
          max: fc.nat(100_000),
          jitter: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 2_000 }),
        (options, chance, attempt) => {
          const delays: number[] = [];
          const scheduler = {
            now: () => 0,
            schedule: (_work: unknown, delay = 0) => {
              delays.push(delay);
              throw broken;
            },
          };
          const { delay } = backoff({ ...options, attempts: Infinity, random: () => chance, scheduler });
          if (typeof delay !== 'function') throw new Error('The pause has to depend on the try.');
          const notifier = delay(broken, attempt) as ReturnType<typeof defer>;
          notifier.subscribe({ error: () => undefined });
          expect(delays).toHaveLength(1);
          expect(delays[0]).toBeGreaterThanOrEqual(0);
          expect(delays[0]).toBeLessThanOrEqual(options.max);
        },
      ),
    );
  });

  it.each([
    [{ attempts: 0 }, 'backoff(): attempts is 0; it has to be Infinity or a whole number from 1 on.'],
    [{ attempts: 1.5 }, 'backoff(): attempts is 1.5; it has to be Infinity or a whole number from 1 on.'],
    [{ initial: -1 }, 'backoff(): initial is -1; it has to be a number of milliseconds from 0 on.'],
    [{ factor: 0.5 }, 'backoff(): factor is 0.5; it has to be a number from 1 on.'],
    [{ max: NaN }, 'backoff(): max is NaN; it has to be a number of milliseconds from 0 to 2147483647.'],
    [{ jitter: 2 }, 'backoff(): jitter is 2; it has to be a number from 0 to 1.'],
  ])('refuses %o', (options, message) => {
    expect(() => backoff(options)).toThrow(new RangeError(message));
  });
});
