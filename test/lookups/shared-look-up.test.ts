import { EMPTY, NEVER, Observable, Subject, defer, firstValueFrom, map, of, retry, throwError } from 'rxjs';
import { backoff, sharedLookUp, LookUpError } from 'rxmilter/lookups';
import { describe, expect, it, vi } from 'vitest';

import { expectQuiet } from '../operators/support/quiet.js';
import { marbles } from '../support/marbles.js';

const broken = new Error('broken');

describe('sharedLookUp', () => {
  expectQuiet();

  it(
    'shares a look-up that is under way, and looks up anew after it',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const answer = cold('---a|');
      const ask = sharedLookUp((_key: string) => answer);
      expectObservable(ask('x'), '^').toBe('             ---(a|)');
      expectObservable(ask('x'), '--^').toBe('           ---(a|)');
      expectObservable(ask('x'), '----^').toBe('         -------(a|)');
      expectSubscriptions(answer.subscriptions).toBe(['^--!', '----^--!']);
    }),
  );

  it(
    'looks other things up beside it, and a slow one delays no other',
    marbles(({ cold, expectObservable }) => {
      const ask = sharedLookUp((key: string) => (key === 'slow' ? cold('------a|') : cold('-b|')));
      expectObservable(ask('slow')).toBe('------(a|)');
      expectObservable(ask('quick')).toBe('-(b|)');
      expectObservable(ask('slow'), '--^').toBe('------(a|)');
    }),
  );

  it(
    'cancels a look-up when all who wait for it have gone, and not before',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const answer = cold('---------a|');
      const signals: AbortSignal[] = [];
      const ask = sharedLookUp((_key: string, signal) => {
        signals.push(signal);
        return answer;
      });
      expectObservable(ask('x'), '^--!').toBe('----');
      expectObservable(ask('x'), '-^---!').toBe('----');
      // One who comes after that begins anew.
      expectObservable(ask('x'), '------^').toBe('---------------(a|)');
      expectSubscriptions(answer.subscriptions).toBe(['^----!', '------^--------!']);
      flush();
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    }),
  );

  it(
    'keeps answers for their time, negative ones for theirs, and errors not at all',
    marbles(({ expectObservable, flush }) => {
      const asked: string[] = [];
      const look = (key: string): Observable<string | undefined> => {
        asked.push(key);
        if (key === 'bad') return throwError(() => broken);
        return of(key === 'none' ? undefined : key);
      };
      const ask = sharedLookUp(look, { ttl: 10, negativeTtl: 3 });
      for (const at of [0, 2, 3, 9, 10]) {
        const pause = at === 0 ? '' : `${at}ms `;
        expectObservable(ask('y'), `${pause}^`).toBe(`${pause}(y|)`);
        expectObservable(ask('none'), `${pause}^`).toBe(`${pause}(u|)`, { u: undefined });
        expectObservable(ask('bad'), `${pause}^`).toBe(`${pause}#`, undefined, broken);
      }
      flush();
      const count = (key: string): number => asked.filter((each) => each === key).length;
      // At 0 and 10; at 0, 3 and 9; always.
      expect([count('y'), count('none'), count('bad')]).toEqual([2, 3, 5]);
    }),
  );

  it(
    'gives an error to all who wait, and lets the next one try again',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const answer = cold('--#', undefined, broken);
      const ask = sharedLookUp((_key: string) => answer);
      expectObservable(ask('x')).toBe('--#', undefined, broken);
      expectObservable(ask('x'), '-^').toBe('--#', undefined, broken);
      expectObservable(ask('x'), '---^').toBe('-----#', undefined, broken);
      expectSubscriptions(answer.subscriptions).toBe(['^-!', '---^-!']);
    }),
  );

  it(
    'gives up what takes too long, for all who wait, and aborts it',
    marbles(({ expectObservable, flush }) => {
      let signal: AbortSignal | undefined;
      const ask = sharedLookUp(
        (_key: string, given) => {
          signal = given;
          return NEVER;
        },
        { timeout: 5 },
      );
      const late = new LookUpError('timeout', 'x', 'The look-up of "x" took longer than 5 ms.');
      expectObservable(ask('x')).toBe('     -----#', undefined, late);
      expectObservable(ask('x'), '--^').toBe('-----#', undefined, late);
      flush();
      expect(signal?.aborted).toBe(true);
    }),
  );

  it(
    'takes the first value of a stream, and says what was asked where it has no value',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const many = cold('-a-b-c');
      const ask = sharedLookUp((key: number): Observable<string> => (key === 1 ? many : EMPTY));
      const empty = new LookUpError('empty', 2, 'The look-up of 2 ended without an answer.');
      expectObservable(ask(1)).toBe('-(a|)');
      expectObservable(ask(2)).toBe('#', undefined, empty);
      expectSubscriptions(many.subscriptions).toBe('^!');
    }),
  );

  it(
    'can be tried again',
    marbles(({ cold, expectObservable }) => {
      let tries = 0;
      const ask = sharedLookUp((_key: string) =>
        defer(() => (++tries < 3 ? cold('-#', undefined, broken) : cold('-a|'))),
      );
      const config = backoff({ initial: 2, factor: 1, jitter: 0 });
      expectObservable(ask('x').pipe(retry(config))).toBe('-------(a|)');
    }),
  );

  it('keeps no more answers than it is told to, and lets the oldest go', async () => {
    const look = vi.fn((key: number) => Promise.resolve(key));
    const ask = sharedLookUp(look, { ttl: 60_000, maxKeys: 3 });
    for (const key of [1, 2, 3, 4]) await ask.promise(key);
    expect(ask.size).toBe(3);
    await ask.promise(4);
    await ask.promise(2);
    expect(look).toHaveBeenCalledTimes(4);
    await ask.promise(1);
    expect(look).toHaveBeenCalledTimes(5);
  });

  it('shares no more look-ups than it is told to, and still answers the others', () => {
    const answers = new Subject<string>();
    const look = vi.fn((_key: string) => answers);
    const ask = sharedLookUp(look, { maxKeys: 1 });
    const got: string[] = [];
    for (const key of ['a', 'a', 'b', 'b']) ask(key).subscribe((answer) => got.push(key + answer));
    expect(look).toHaveBeenCalledTimes(3);
    answers.next('!');
    expect(got).toEqual(['a!', 'a!', 'b!', 'b!']);
  });

  it('forgets one answer, or all, and does not keep what was under way then', async () => {
    const answers: Subject<string>[] = [];
    const ask = sharedLookUp(
      (_key: string) => {
        const answer = new Subject<string>();
        answers.push(answer);
        return answer;
      },
      { ttl: 60_000 },
    );
    const old = ask.promise('x');
    ask.forget('x');
    const anew = ask.promise('x');
    answers[1]?.next('new');
    answers[0]?.next('old');
    expect(await Promise.all([old, anew, ask.promise('x')])).toEqual(['old', 'new', 'new']);
    ask.forget('y');
    expect(ask.size).toBe(1);
    ask.forget();
    expect(ask.size).toBe(0);
  });

  it('gives a promise that waits no longer when its signal is aborted', async () => {
    const signals: AbortSignal[] = [];
    const ask = sharedLookUp((_key: string, signal) => {
      signals.push(signal);
      return new Promise<string>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('not listened to')));
      });
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const one = ask.promise('x', first.signal);
    const other = ask.promise('x', second.signal);
    first.abort(broken);
    await expect(one).rejects.toBe(broken);
    expect(signals[0]?.aborted).toBe(false);
    second.abort(broken);
    await expect(other).rejects.toBe(broken);
    expect(signals[0]?.aborted).toBe(true);
    await expect(ask.promise('x', first.signal)).rejects.toBe(broken);
    expect(signals).toHaveLength(1);
  });

  it('passes on what is thrown in the look-up, in its key and in judging its answer', async () => {
    const fails = (): never => {
      throw broken;
    };
    await expect(sharedLookUp(fails as (key: string) => Promise<string>).promise('x')).rejects.toBe(broken);
    await expect(sharedLookUp((key: string) => of(key), { key: fails }).promise('x')).rejects.toBe(broken);
    const judged = sharedLookUp((key: string) => of(key), { ttl: 5, negativeTtl: 1, negative: fails });
    await expect(judged.promise('x')).rejects.toBe(broken);
  });

  it('wants a key for what is neither string nor number, so that none gets the answer of another', async () => {
    const byKey = sharedLookUp(({ id }: { id: number }) => Promise.resolve(id), { key: ({ id }) => id });
    expect(await firstValueFrom(byKey({ id: 7 }).pipe(map((id) => id + 1)))).toBe(8);
    const without = sharedLookUp(((input: object) => Promise.resolve(input)) as never);
    await expect(without.promise({} as never)).rejects.toThrow(
      'sharedLookUp(): the input is an object. Give key, a function that makes a string of it.',
    );
    const wrong = sharedLookUp((key: string) => Promise.resolve(key), { key: () => undefined as never });
    await expect(wrong.promise('x')).rejects.toThrow(
      'sharedLookUp(): key gave undefined. It has to give a string or a number.',
    );
  });

  it.each([
    [{ ttl: -1 }, 'sharedLookUp(): ttl is -1; it has to be a number of milliseconds from 0 on.'],
    [
      { negativeTtl: NaN },
      'sharedLookUp(): negativeTtl is NaN; it has to be a number of milliseconds from 0 on.',
    ],
    [{ maxKeys: 0 }, 'sharedLookUp(): maxKeys is 0; it has to be a whole number from 1 on.'],
    [
      { timeout: 0 },
      'sharedLookUp(): timeout is 0; it has to be a number of milliseconds from 1 to 2147483647.',
    ],
    [
      { timeout: 1e10 },
      'sharedLookUp(): timeout is 10000000000; it has to be a number of milliseconds from 1 to 2147483647.',
    ],
  ])('refuses %o', (options, message) => {
    expect(() => sharedLookUp((key: string) => of(key), options)).toThrow(new RangeError(message));
  });
});
