import { BehaviorSubject, Observable, Subject, from } from 'rxjs';
import { type Filter, on, allow, reject, tempfail } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { abort, decided, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const r = rcpt();
const m = mail();
const x = abort();
const F = decided(r, tempfail());
/** Says which value it saw. */
const telling = (latest$: Observable<string>): Filter =>
  on('rcpt', latest$, (_event, latest) => reject(latest));
const A = decided(r, reject('a'));
const B = decided(r, reject('b'));

describe('on with the newest value of a stream', () => {
  expectQuiet();

  it(
    'gives the newest value',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  --r-r--r-|', { r });
      const latest = hot('  -a---b----');
      const subs = '        ^--------!';
      const expected = '    --A-A--B-|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { A, B });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(latest.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets an event wait for the first value instead of losing it',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r------r-|', { r });
      const latest = hot('  ----a-b----');
      const subs = '        ^---------!';
      const expected = '    ----A---B-|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { A, B });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(latest.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets several wait, in order, and those of other stages pass',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -rm-r-----|', { r, m });
      const latest = hot('  ------a----');
      const expected = '    --m---(AA)|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { A, m });
    }),
  );

  it(
    'keeps the last value when the stream completes',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  ---r-r-|', { r });
      const latest = hot('  -a--|   ');
      const subs = '        ^------!';
      const inner = '       ^---!   ';
      const expected = '    ---A-A-|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { A });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(latest.subscriptions).toBe(inner);
    }),
  );

  it(
    'keeps the last value when the stream errors',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  ---r-r-|', { r });
      const latest = hot('  -a--#   ');
      const inner = '       ^---!   ';
      const expected = '    ---A-A-|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { A });
      expectSubscriptions(latest.subscriptions).toBe(inner);
    }),
  );

  it(
    'fails for those that wait and those that come when the stream errors without a value',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r---rm|', { r, m });
      const latest = hot('  ---#    ');
      const subs = '        ^------!';
      const inner = '       ^--!    ';
      const expected = '    ---F-Fm|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { F, m });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(latest.subscriptions).toBe(inner);
    }),
  );

  it(
    'fails for them when it completes without one',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r---r-|', { r });
      const latest = hot('  ---|    ');
      const inner = '       ^--!    ';
      const expected = '    ---F-F-|';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { F });
      expectSubscriptions(latest.subscriptions).toBe(inner);
    }),
  );

  it(
    'forgets what waits on abort',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -r-x-r-|  ', { r, x });
      const latest = hot('  --------a-');
      const expected = '    ---x----(A|)';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { x, A });
    }),
  );

  it(
    'waits for it after the source has completed, as long as an event does',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-|      ', { r });
      const latest = hot('  -----a----');
      const inner = '       ^----!    ';
      const expected = '    -----(A|)';
      expectObservable(source.pipe(telling(latest))).toBe(expected, { A });
      expectSubscriptions(latest.subscriptions).toBe(inner);
    }),
  );

  it(
    'unsubscribes from the stream when the source errors',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-#      ', { r });
      const latest = hot('  -----a----');
      const inner = '       ^--!      ';
      const expected = '    ---#      ';
      expectObservable(source.pipe(telling(latest))).toBe(expected);
      expectSubscriptions(latest.subscriptions).toBe(inner);
    }),
  );

  it(
    'unsubscribes from the stream when it is unsubscribed',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r------r--', { r });
      const latest = hot('  -a------b--');
      const unsub = '       ----!      ';
      const subs = '        ^---!      ';
      const expected = '    -A---      ';
      expectObservable(source.pipe(telling(latest)), unsub).toBe(expected, { A });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(latest.subscriptions).toBe(subs);
    }),
  );

  it(
    'drives what the project returns, whether it had to wait or not',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-----r---|', { r });
      const latest = hot('  --a---------');
      const answers = cold(' --n         ', { n: reject('a') });
      const inner = ['       --^-!       ', '-------^-!'];
      const expected = '    ----A----A-|';
      expectObservable(source.pipe(on('rcpt', latest, () => answers))).toBe(expected, { A });
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it('fails for what the project throws at, whether it had to wait or not, and lives on', () => {
    const latest$ = new Subject<boolean>();
    const { source, out } = run(
      on('rcpt', latest$, (_event, fine) => {
        if (!fine) throw new Error('broken');
        return allow();
      }),
    );
    source.next(r);
    latest$.next(false);
    source.next(r);
    latest$.next(true);
    source.next(r);
    expect(out).toEqual([F, F, decided(r, allow())]);
  });

  it('takes undefined for a value like any other', () => {
    const { source, out } = run(on('rcpt', new BehaviorSubject(undefined), () => allow()));
    source.next(r);
    expect(out).toEqual([decided(r, allow())]);
  });

  it('hands on the very event that was left undecided, after a wait as well', () => {
    const latest$ = new Subject<string>();
    const { source, out } = run(on('rcpt', latest$, () => undefined));
    source.next(r);
    latest$.next('a');
    source.next(r);
    expect(out[0]).toBe(r);
    expect(out[1]).toBe(r);
  });

  it('gives the project its event, the value and a context that the abort reaches', () => {
    const latest$ = new BehaviorSubject('a');
    const signals: AbortSignal[] = [];
    const { source } = run(
      on('rcpt', latest$, (event, latest, { signal }) => {
        expect(event).toBe(r);
        expect(latest).toBe('a');
        signals.push(signal);
        return new Promise<undefined>(() => undefined);
      }),
    );
    source.next(r);
    source.next(x);
    expect(signals[0]?.aborted).toBe(true);
  });

  it('reads promises and iterables too', async () => {
    const values = on('rcpt', [1, 2, 3], (_event, latest) => reject(String(latest)));
    const promised = on('rcpt', Promise.resolve('soon'), (_event, latest) => reject(latest));
    const now = run(values);
    const soon = run(promised);
    now.source.next(r);
    soon.source.next(r);
    expect(now.out).toEqual([decided(r, reject('3'))]);
    expect(soon.out).toEqual([]);
    await settle();
    expect(soon.out).toEqual([decided(r, reject('soon'))]);
  });

  it('fails for a promise that rejects', async () => {
    const { source, out } = run(on('rcpt', Promise.reject<string>(new Error('broken')), () => allow()));
    source.next(r);
    await settle();
    expect(out).toEqual([F]);
  });

  it('subscribes once for each connection, and lets go with it', () => {
    const subscribed = vi.fn();
    const unsubscribed = vi.fn();
    const latest$ = new Observable<string>((subscriber) => {
      subscribed();
      subscriber.next('a');
      return unsubscribed;
    });
    const filter = telling(latest$);
    expect(subscribed).not.toHaveBeenCalled();
    const first = new Wire().pipe(filter);
    const second = new Wire().pipe(filter);
    expect(subscribed).toHaveBeenCalledTimes(2);
    for (const wire of [first, second]) wire.say('optneg', 'connect', 'mail', 'rcpt', 'rcpt');
    expect(subscribed).toHaveBeenCalledTimes(2);
    expect(unsubscribed).not.toHaveBeenCalled();
    first.say('quit');
    expect(unsubscribed).toHaveBeenCalledTimes(1);
    second.unsubscribe();
    expect(unsubscribed).toHaveBeenCalledTimes(2);
  });

  it('reports an error that comes after a value once, with the next event', () => {
    const latest$ = new Subject<string>();
    const wire = new Wire().pipe(telling(latest$));
    wire.say('optneg', 'connect', 'mail');
    latest$.next('a');
    latest$.error(new Error('broken'));
    wire.say('rcpt', 'rcpt');
    const errors = wire.outcomes.flatMap(({ error }) => error ?? []);
    expect(errors.map(String)).toEqual(['ProjectError: The filter failed at stage rcpt: broken']);
    expect(
      wire.outcomes.filter(({ stage, decision }) => stage === 'rcpt' && decision !== undefined),
    ).toHaveLength(2);
  });

  it('warns of a stream whose teardown throws, and closes the connection all the same', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const wire = new Wire().pipe(
      telling(
        new Observable<string>(() => () => {
          throw new Error('broken');
        }),
      ),
    );
    wire.say('optneg', 'quit');
    expect(wire.ended).toBe(true);
    expect(wire.completed).toBe(true);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  it.each([[undefined], [null], [5], [{}], [() => 1]])(
    'refuses %s for a stream, when it is made',
    (input) => {
      expect(() => on('rcpt', input as never, () => undefined)).toThrow(
        /^on\(\): the argument before the project is .*, and not a stream\. Give an Observable, a promise or an iterable\./,
      );
    },
  );

  it('is made of an Observable without subscribing to it', () => {
    const subscribed = vi.fn();
    on('rcpt', new Observable<never>(subscribed), () => undefined);
    on('rcpt', from(new Subject()), () => undefined);
    expect(subscribed).not.toHaveBeenCalled();
  });
});
