import { Observable, concat, defer, of, throwError } from 'rxjs';
import { type ProjectContext, on, accept, reject, tempfail, addHeader, quarantine } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { abort, close, decided, eom, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';

/** Lower case: an event. Upper case: the reply to it. */
const r = rcpt();
const m = mail();
const e = eom();
const x = abort();
const q = close();
const no = reject('no');
const R = decided(r, no);
const F = decided(r, tempfail());
const seen = addHeader('X-Seen', 'yes');
const held = quarantine('why');
const broken = new Error('broken');

describe('on, answering with an Observable', () => {
  expectQuiet();

  it(
    'waits for the decision, takes the first and unsubscribes from the rest',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-------|', { r });
      const answers = cold(' --n-n-n-|  ', { n: no });
      const subs = '        ^--------!';
      const inner = '       -^-!      ';
      const expected = '    ---R-----|';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { R });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'passes the event on when the Observable completes without an answer',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-------|', { r });
      const answers = cold(' -u-|       ', { u: undefined });
      const subs = '        ^--------!';
      const inner = '       -^--!     ';
      const expected = '    ----r----|';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { r });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'gathers modifications until the Observable completes',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -e-------|', { e });
      const answers = cold(' -s-h-|     ', { s: seen, h: held });
      const subs = '        ^--------!';
      const inner = '       -^----!   ';
      const expected = '    ------f--|';
      expectObservable(source.pipe(on('eom', () => answers))).toBe(expected, {
        f: eom({ modifications: [seen, held] }),
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'puts them into the reply when there is a decision after them',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -e-------|', { e });
      const answers = cold(' -s-h-a---- ', { s: seen, h: held, a: accept() });
      const inner = '       -^----!   ';
      const expected = '    ------E--|';
      expectObservable(source.pipe(on('eom', () => answers))).toBe(expected, {
        E: decided(e, accept(), seen, held),
      });
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'drops modifications when the Observable then errors',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -e----r--|', { e, r });
      const answers = cold(' -s-#       ', { s: seen });
      const subs = '        ^--------!';
      const inner = '       -^--!     ';
      const expected = '    ----F-r--|';
      expectObservable(source.pipe(on('eom', () => answers))).toBe(expected, {
        F: decided(e, tempfail()),
        r,
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'answers with the failure decision what the Observable errors at, and lives on',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r---r---|', { r });
      const first = cold<typeof no>('   --#        ');
      const second = cold('      -n|     ', { n: no });
      const subs = '        ^--------!';
      const expected = '    ---F--R--|';
      const answers = [first, second];
      const filter = on('rcpt', () => answers.shift());
      expectObservable(source.pipe(filter)).toBe(expected, { F, R });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(first.subscriptions).toBe('  -^-!');
      expectSubscriptions(second.subscriptions).toBe(' -----^!');
    }),
  );

  it(
    'fails for an answer that is not legal, and unsubscribes',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-------|', { r });
      const answers = cold(' --h-n-|    ', { h: seen as never, n: no });
      const inner = '       -^-!      ';
      const expected = '    ---F-----|';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { F });
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'cancels what runs on abort, and passes the abort on',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r--x-r----|', { r, x });
      const answers = cold(' ----n|       ', { n: no });
      const subs = '        ^----------!';
      const inner = ['      -^--!', '     ------^---!'];
      const expected = '    ----x-----R|';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { x, R });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'cancels what runs on close',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r--q|', { r, q });
      const answers = cold(' ----n|  ', { n: no });
      const inner = '       -^--! ';
      const expected = '    ----q|';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { q });
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'completes after what still runs when the source completes',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-|    ', { r });
      const answers = cold(' ----n-- ', { n: no });
      const subs = '        ^--!    ';
      const inner = '       -^---!  ';
      const expected = '    -----(R|)';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { R });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'cancels what runs when the source errors',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-#    ', { r });
      const answers = cold(' ----n-- ', { n: no });
      const subs = '        ^--!    ';
      const inner = '       -^-!    ';
      const expected = '    ---#    ';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'cancels what runs when it is unsubscribed',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r------|', { r });
      const answers = cold(' ----n--   ', { n: no });
      const unsub = '       ---!      ';
      const subs = '        ^--!      ';
      const inner = '       -^-!      ';
      const expected = '    ---       ';
      expectObservable(source.pipe(on('rcpt', () => answers)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'lets others pass meanwhile, in a drawing that does not wait',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('  -r-m-r---|   ', { r, m });
      const answers = cold(' ----n---     ', { n: no });
      const expected = '    ---m-R---(R|)';
      expectObservable(source.pipe(on('rcpt', () => answers))).toBe(expected, { m, R });
    }),
  );

  it('takes an Observable that answers while it is being subscribed to', () => {
    const rest = vi.fn();
    const late = defer(() => {
      rest();
      return of(reject());
    });
    const { source, out } = run(on('eom', () => concat(of(undefined, seen, accept(), reject()), late)));
    source.next(e);
    expect(out).toEqual([decided(e, accept(), seen)]);
    expect(rest).not.toHaveBeenCalled();
  });

  it('takes several answers at a time', () => {
    const { source, out } = run(on('eom', () => of(seen, [undefined, held, accept()], reject())));
    source.next(e);
    expect(out).toEqual([decided(e, accept(), seen, held)]);
  });

  it('hands on the very event that an Observable left undecided', () => {
    const { source, out } = run(on('rcpt', () => of(undefined)));
    source.next(r);
    expect(out[0]).toBe(r);
  });

  it('unsubscribes from one that is cancelled while it is being subscribed to', () => {
    const teardown = vi.fn();
    const running = run(
      on('rcpt', () => {
        return new Observable<never>(() => {
          running.source.next(x);
          return teardown;
        });
      }),
    );
    running.source.next(r);
    expect(running.out).toEqual([x]);
    expect(teardown).toHaveBeenCalledOnce();
  });

  it('reports a teardown that throws, and loses nothing for it', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { source, out } = run(
      on(
        'rcpt',
        () =>
          new Observable<never>(() => () => {
            throw broken;
          }),
      ),
    );
    source.next(r);
    source.next(x);
    source.next(m);
    expect(out).toEqual([x, m]);
    expect(warn).toHaveBeenCalledOnce();
    expect(String(warn.mock.lastCall?.[0])).toMatch(
      /ProjectError: The filter failed at stage rcpt: .*broken/s,
    );
    warn.mockRestore();
  });

  it('does not mind what an Observable errors with after its decision', () => {
    const { source, out } = run(
      on('rcpt', () =>
        concat(
          of(no),
          throwError(() => broken),
        ),
      ),
    );
    source.next(r);
    expect(out).toEqual([R]);
  });
});

describe('on, answering with a promise', () => {
  expectQuiet();

  it('waits for it', async () => {
    const { source, out } = run(on('rcpt', () => Promise.resolve(no)));
    source.next(r);
    expect(out).toEqual([]);
    await settle();
    expect(out).toEqual([R]);
  });

  it('passes the very event on when there is nothing in it', async () => {
    const { source, out } = run(on('rcpt', async () => Promise.resolve()));
    source.next(r);
    await settle();
    expect(out[0]).toBe(r);
  });

  it('takes several answers out of it', async () => {
    const { source, out } = run(on('eom', async () => Promise.resolve([seen, undefined, held, accept()])));
    source.next(e);
    await settle();
    expect(out).toEqual([decided(e, accept(), seen, held)]);
  });

  it('takes anything with then()', async () => {
    const thenable: PromiseLike<typeof no> = {
      then: (fulfilled) => Promise.resolve(no).then(fulfilled),
    };
    const { source, out } = run(on('rcpt', () => thenable));
    source.next(r);
    await settle();
    expect(out).toEqual([R]);
  });

  it('fails for a rejection, and lives on', async () => {
    const answers = [Promise.reject(broken), Promise.resolve(no)];
    const { source, out } = run(on('rcpt', () => answers.shift()));
    source.next(r);
    await settle();
    source.next(r);
    await settle();
    expect(out).toEqual([F, R]);
  });

  it.each([
    ['abort', x],
    ['close', q],
  ])('drops its answer and aborts the signal on %s', async (_name, end) => {
    let context: ProjectContext | undefined;
    const { source, out } = run(
      on('rcpt', async (_event, given) => {
        context = given;
        expect(given.signal.aborted).toBe(false);
        await Promise.resolve();
        return no;
      }),
    );
    source.next(r);
    source.next(end);
    expect(context?.signal.aborted).toBe(true);
    await settle();
    expect(out).toEqual([end]);
  });

  it('makes a signal that is first asked for when all is over as an aborted one', async () => {
    let context: ProjectContext | undefined;
    const { source } = run(
      on('rcpt', async (_event, given) => {
        context = given;
        await Promise.resolve();
      }),
    );
    source.next(r);
    source.next(x);
    await settle();
    expect(context?.signal.aborted).toBe(true);
  });

  it('does not abort the signal of what has answered', async () => {
    const signals: AbortSignal[] = [];
    const { source } = run(
      on('rcpt', async (_event, { signal }) => {
        signals.push(signal);
        return Promise.resolve(no);
      }),
    );
    source.next(r);
    await settle();
    source.next(x);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  it('does not mind a rejection after the abort', async () => {
    const { source, out } = run(
      on('rcpt', async (_event, { signal }) => {
        await Promise.resolve();
        signal.throwIfAborted();
        return no;
      }),
    );
    source.next(r);
    source.next(x);
    await settle();
    expect(out).toEqual([x]);
  });

  it('emits nothing after it was unsubscribed', async () => {
    const { source, out, errors, unsubscribe } = run(on('rcpt', async () => Promise.resolve(no)));
    source.next(r);
    unsubscribe();
    await settle();
    expect(out).toEqual([]);
    expect(errors).toEqual([]);
    expect(source.observed).toBe(false);
  });

  it('completes after it', async () => {
    const running = run(on('rcpt', async () => Promise.resolve(no)));
    running.source.next(r);
    running.source.complete();
    expect(running.completed).toBe(false);
    await settle();
    expect(running.out).toEqual([R]);
    expect(running.completed).toBe(true);
  });

  it('completes where the last one was cancelled', () => {
    const running = run(on('rcpt', () => new Promise<undefined>(() => undefined)));
    running.source.next(r);
    running.source.next(x);
    running.source.complete();
    expect(running.completed).toBe(true);
  });

  it('takes its time by the clock', async () => {
    vi.useFakeTimers();
    const { source, out } = run(
      on('rcpt', async () => {
        await new Promise((resolve) => setTimeout(resolve, 5000));
        return no;
      }),
    );
    source.next(r);
    await vi.advanceTimersByTimeAsync(4999);
    expect(out).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(out).toEqual([R]);
  });
});

describe('on, answering with an async generator', () => {
  expectQuiet();

  it('reads it up to the first decision, and finishes it at once', async () => {
    const read: string[] = [];
    const { source, out } = run(
      on('eom', async function* () {
        try {
          read.push('first');
          yield seen;
          read.push('second');
          yield await Promise.resolve(accept());
          read.push('third');
          yield reject();
        } finally {
          read.push('finished');
        }
      }),
    );
    source.next(e);
    await settle();
    expect(out).toEqual([decided(e, accept(), seen)]);
    expect(read).toEqual(['first', 'second', 'finished']);
  });

  it('takes what it returns for its last answer', async () => {
    const { source, out } = run(
      on('eom', async function* () {
        yield await Promise.resolve(seen);
        return accept();
      }),
    );
    source.next(e);
    await settle();
    expect(out).toEqual([decided(e, accept(), seen)]);
  });

  it('takes several answers at a time', async () => {
    const { source, out } = run(
      on('eom', async function* () {
        yield await Promise.resolve([seen]);
        yield [held, accept(), reject()];
      }),
    );
    source.next(e);
    await settle();
    expect(out).toEqual([decided(e, accept(), seen, held)]);
  });

  it('lets modifications travel on when it ends without a decision', async () => {
    const { source, out } = run(
      on('eom', async function* () {
        yield await Promise.resolve(seen);
        yield held;
      }),
    );
    source.next(e);
    await settle();
    expect(out).toEqual([eom({ modifications: [seen, held] })]);
  });

  it('fails for what it throws, and for an answer that is not legal, which finishes it', async () => {
    const finished = vi.fn();
    const { source, out } = run(
      on(['rcpt', 'eom'], async function* ({ stage }) {
        await Promise.resolve();
        try {
          if (stage === 'eom') throw broken;
          yield seen as never;
        } finally {
          finished();
        }
      }),
    );
    source.next(e);
    await settle();
    source.next(r);
    await settle();
    expect(out).toEqual([decided(e, tempfail()), F]);
    expect(finished).toHaveBeenCalledTimes(2);
  });

  it('is finished on abort, without waiting for its next yield where it stands at one', async () => {
    const finished = vi.fn();
    let answer: (value: undefined) => void = () => undefined;
    const steps: AsyncIterator<undefined> = {
      next: () =>
        new Promise((resolve) => {
          answer = () => resolve({ done: false, value: undefined });
        }),
      return: () => {
        finished();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    const { source, out } = run(on('rcpt', () => ({ [Symbol.asyncIterator]: () => steps })));
    source.next(r);
    await settle();
    expect(finished).not.toHaveBeenCalled();
    source.next(x);
    expect(finished).toHaveBeenCalledOnce();
    answer(undefined);
    await settle();
    expect(out).toEqual([x]);
  });

  it.each([
    ['rejects', () => Promise.reject(broken)],
    [
      'throws',
      () => {
        throw broken;
      },
    ],
  ])('does not mind that return() %s', async (_how, end) => {
    const { source, out } = run(
      on('rcpt', () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.resolve({ done: false as const, value: no }),
          return: end,
        }),
      })),
    );
    source.next(r);
    await settle();
    expect(out).toEqual([R]);
  });

  it('fails where next() throws', async () => {
    const { source, out } = run(
      on('rcpt', () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw broken;
          },
        }),
      })),
    );
    source.next(r);
    await settle();
    expect(out).toEqual([F]);
  });
});
