import * as fc from 'fast-check';
import { Readable } from 'node:stream';
import { NEVER, of, throwError } from 'rxjs';
import {
  on,
  type Check,
  strictestOf,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  addHeader,
  replaceBody,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { abort, decided, eom, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { standardError } from '../support/standard-error.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const r = rcpt();
const e = eom();
const x = abort();
const broken = new Error('broken');

/** What comes of checks that are there at once. */
function now(...checks: readonly Check[]): unknown {
  let result: unknown;
  strictestOf(checks, { onError: () => undefined }).subscribe({
    next: (answers) => (result = answers),
    error: (error: unknown) => (result = error),
  });
  return result;
}

describe('strictest', () => {
  expectQuiet();

  it('goes by what is said, from the strictest down', () => {
    const all: readonly Check[] = [
      reject(),
      discard(),
      tempfail(),
      () => {
        throw broken;
      },
      undefined,
      allow(),
      skip(),
      accept(),
    ];
    const expected = [[reject()], [discard()], [tempfail()], broken, [], [allow()], [skip()], [accept()]];
    all.forEach((_check, index) => {
      const rest = all.slice(index);
      expect(now(...rest)).toEqual(expected[index]);
      expect(now(...[...rest].reverse())).toEqual(expected[index]);
    });
    expect(now()).toEqual([]);
  });

  it('has the earlier of two that are as strict, with its words', () => {
    expect(now(undefined, tempfail('a'), tempfail('b'))).toEqual([tempfail('a')]);
  });

  it(
    'waits for what may be stricter, and for what is earlier, and for nothing else',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const a = cold('---(a|)', { a: reject('first') });
      const b = cold('-(b|)', { b: reject('second') });
      const c = cold('-----(c|)', { c: discard() });
      expectObservable(strictestOf([a, b, c])).toBe('---(r|)', { r: [reject('first')] });
      expectSubscriptions(a.subscriptions).toBe('^--!');
      expectSubscriptions(b.subscriptions).toBe('^!');
      expectSubscriptions(c.subscriptions).toBe('^!');
      const d = cold('-(d|)', { d: discard() });
      const t = cold('---(t|)', { t: tempfail() });
      expectObservable(strictestOf([d, cold('--|'), t])).toBe('---(r|)', { r: [discard()] });
      expectSubscriptions(t.subscriptions).toBe('^--!');
    }),
  );

  it(
    'reads an Observable up to its decision',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const [one, two] = [addHeader('One', '1'), addHeader('Two', '2')];
      const check = cold('-a-b---c', { a: one, b: [two, accept(), reject()], c: reject() });
      expectObservable(strictestOf([check])).toBe('---(r|)', { r: [one, two, accept()] });
      expectSubscriptions(check.subscriptions).toBe('^--!');
    }),
  );

  it(
    'is cancelled with its project',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('-r--x-|', { r, x });
      const check = cold<never>('-----#');
      const other = cold<never>('---------|');
      const filter = on('rcpt', () => strictestOf([check, () => other]));
      expectObservable(source.pipe(filter)).toBe('----x-|', { x });
      expectSubscriptions(check.subscriptions).toBe('-^--!');
      expectSubscriptions(other.subscriptions).toBe('-^--!');
    }),
  );

  it('aborts the signals of what is not wanted any more, and of nothing else', async () => {
    const signals: AbortSignal[] = [];
    const check =
      (answer: Promise<ReturnType<typeof reject> | undefined>): Check =>
      (signal) => {
        signals.push(signal);
        return answer;
      };
    const never = new Promise<undefined>(() => undefined);
    const { source, out } = run(
      on(
        'rcpt',
        () =>
          strictestOf([
            check(Promise.resolve(undefined)),
            check(Promise.resolve(reject())),
            check(never),
          ]) as never,
      ),
    );
    source.next(r);
    await settle();
    expect(out).toEqual([decided(r, reject())]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true]);
    source.next(r);
    source.next(x);
    expect(signals.slice(3).map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  it('does not begin what cannot matter', () => {
    const later = vi.fn<() => undefined>();
    expect(now(reject(), later)).toEqual([reject()]);
    expect(later).not.toHaveBeenCalled();
  });

  it('keeps the changes of all, in the order of the list', async () => {
    const late = Promise.resolve([addHeader('A', '1'), accept()]);
    const { source, out } = run(
      on('eom', () => strictestOf([late, addHeader('B', '2'), of(addHeader('C', '3'), allow())])),
    );
    source.next(e);
    await settle();
    // One of them has not decided, so nothing is decided.
    expect(out).toEqual([
      { ...e, modifications: [addHeader('A', '1'), addHeader('B', '2'), addHeader('C', '3')] },
    ]);
  });

  it('fails with the first error of the list, and tells of the others', async () => {
    const told: unknown[] = [];
    const onError = (error: unknown, index: number): void =>
      void told.push([(error as Error).message, index]);
    const wire = new Wire().pipe(
      on('rcpt', () =>
        strictestOf(
          [
            allow(),
            throwError(() => new Error('one')),
            Promise.reject(new Error('two')),
            () => 'text' as never,
          ],
          { onError },
        ),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt');
    await settle();
    expect(wire.heard().at(-1)).toMatchObject({ type: 'tempfail' });
    expect(wire.outcomes.at(-1)?.error?.message).toBe('The filter failed at stage rcpt: one');
    expect(told).toEqual([
      ['two', 2],
      [expect.stringContaining('a check gave what is no answer'), 3],
    ]);
  });

  it.each([reject(), discard(), tempfail()])('tells of errors where $kind makes them moot', (refusal) => {
    const told: unknown[] = [];
    const result: unknown[] = [];
    strictestOf([throwError(() => broken), refusal], { onError: (...args) => told.push(args) }).subscribe(
      (answers) => result.push(answers),
    );
    expect(result).toEqual([[refusal]]);
    expect(told).toEqual([[broken, 0]]);
  });

  it('writes them to standard error where nobody else is told, and where that fails', () => {
    const written = standardError();
    strictestOf([throwError(() => broken), reject()]).subscribe();
    strictestOf([throwError(() => broken), reject()], {
      onError: () => {
        throw new Error('worse');
      },
    }).subscribe();
    expect(written).toEqual([
      expect.stringMatching(
        /^rxmilter: strictestOf\(\): check 0 \(from 0\) failed: Error: broken \(at strictest-of\.test\.ts:\d+:\d+\)\n$/,
      ),
      expect.stringMatching(
        /^rxmilter: strictestOf\(\): onError failed: Error: worse \(at strictest-of\.test\.ts:/,
      ),
    ]);
  });

  it('lets go of bodies that nobody takes', async () => {
    const bodies = Array.from({ length: 4 }, () => Readable.from(['body']));
    const [one, two, three, four] = bodies.map((body) => replaceBody(body));
    let late: (answer: typeof three) => void = () => undefined;
    // Cancelled while another is under way.
    strictestOf([one, NEVER]).subscribe().unsubscribe();
    // Failed.
    strictestOf([two, throwError(() => broken)]).subscribe({ error: () => undefined });
    // Too late, and not even begun.
    strictestOf([new Promise<typeof three>((resolve) => (late = resolve)), NEVER])
      .subscribe()
      .unsubscribe();
    late(three);
    strictestOf([reject(), Promise.resolve(four), Promise.reject(broken)]).subscribe();
    await settle();
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true]);
  });

  it('refuses what cannot be, and says why', () => {
    expect(() => strictestOf(reject() as never)).toThrow(
      'strictestOf(): the first argument has to be an array',
    );
    expect(() => strictestOf([reject(), on('rcpt', () => reject()) as never])).toThrow(
      /^strictestOf\(\): check 1 \(from 0\) is a filter, and it takes checks of one event\. Put filters in a row with compose/,
    );
    expect(() => strictestOf([], { onError: 5 as never })).toThrow(
      'strictestOf(): onError is 5; it has to be a function.',
    );
    expect(now('reject' as never)).toMatchObject({ name: 'AnswerError' });
  });

  it('takes the answers of a generator, which the types do not say', () => {
    const generator = (function* () {
      yield addHeader('X', 'y');
      return reject();
    })() as never;
    expect(now(generator)).toEqual([addHeader('X', 'y'), reject()]);
  });

  it('does not count the decision of a check that fails after it', () => {
    const failing = (function* () {
      try {
        yield reject();
      } finally {
        throw broken;
      }
    })();
    expect(now(of(failing) as never, accept())).toBe(broken);
  });

  it('does not depend on who is first', async () => {
    const answers = fc.constantFrom<Check>(
      reject('a'),
      discard(),
      tempfail('b'),
      undefined,
      allow(),
      accept(),
      addHeader('X', 'y'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ answer: answers, fails: fc.boolean(), rounds: fc.nat(5) }), { maxLength: 6 }),
        async (given) => {
          const result = async (order: (rounds: number) => number): Promise<unknown> => {
            const checks = given.map(({ answer, fails, rounds }): Check => async () => {
              for (let round = 0; round < order(rounds); round++) await Promise.resolve();
              if (fails) throw broken;
              return answer as undefined;
            });
            let told: unknown = 'nothing';
            strictestOf(checks, { onError: () => undefined }).subscribe({
              next: (list) => (told = list.filter(({ kind }) => kind !== 'addHeader')),
              error: (error: unknown) => (told = error),
            });
            await settle();
            return told;
          };
          expect(await result((rounds) => rounds)).toEqual(await result((rounds) => 5 - rounds));
        },
      ),
      { numRuns: 200 },
    );
  });
});
