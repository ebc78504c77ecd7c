import { EMPTY, Subject, delay, mergeMap, of, take, throwError } from 'rxjs';
import {
  compose,
  observe,
  on,
  perMessage,
  requireRights,
  when,
  allow,
  reject,
  tempfail,
  type Flow,
  type StageEvent,
  SMFIF,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { EVERYTHING } from '../../src/session/negotiation/tags.js';
import { BIT } from '../../src/session/stage.js';
import { abort, close, connect, decided, eom, helo, mail, rcpt, unknown } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const c = connect();
const h = helo();
const m = mail();
const n = mail('list@example.org');
const r = rcpt();
const e = eom();
const u = unknown();
const x = abort();
const q = close();
const broken = new Error('broken');
const Y = decided(r, reject('yes'));
const N = decided(r, reject('no'));

const isList = (event: StageEvent): boolean => event === n;
const yes = on('rcpt', () => reject('yes'));
const no = on('rcpt', () => reject('no'));

describe('when', () => {
  expectQuiet();

  it(
    'sends each message one way as a whole, by its first event',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-h-n-r-r-e-m-r-r-x-n-r-|', { c, h, n, m, r, e, x });
      const subs = '        ^------------------------!';
      const expected = '    -c-h-n-Y-Y-e-m-N-N-x-n-Y-|';
      expectObservable(source.pipe(when(isList, yes, no))).toBe(expected, { c, h, n, m, e, x, Y, N });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'lets pass what goes no way',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -m-r-e-n-r-|', { m, n, r, e });
      const expected = '    -m-r-e-n-Y-|';
      expectObservable(source.pipe(when(isList, yes))).toBe(expected, { m, n, r, e, Y });
    }),
  );

  it('asks once for a message, and anew for each event that belongs to none', () => {
    const asked: string[] = [];
    const { source } = run(
      when(
        ({ stage }) => {
          asked.push(stage);
          return true;
        },
        on(['connect', 'helo', 'unknown', 'rcpt'], () => undefined),
      ),
    );
    for (const event of [c, h, u, m, r, u, r, e, m, r, x, u]) source.next(event);
    expect(asked).toEqual(['connect', 'helo', 'unknown', 'mail', 'mail', 'unknown']);
  });

  it(
    'asks at the first event that is left where an earlier filter has decided MAIL',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -n-r-e-m-r-|', { m, n, r, e });
      const expected = '    -M-Y-e-m-N-|';
      const filter = compose(
        on('mail', (event) => event === n && allow()),
        when((event) => event.stage === 'rcpt', yes, no),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { M: decided(n, allow()), m, e, Y, N });
    }),
  );

  it(
    'shows an abort to the way that the message went, and cancels there',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -n-r--x-m-r-|  ', { m, n, r, x });
      const slow = cold('      -----n      ', { n: reject('yes') });
      const expected = '    -n----x-m-N-|  ';
      const filter = when(
        isList,
        on('rcpt', () => slow),
        no,
      );
      expectObservable(source.pipe(filter)).toBe(expected, { m, n, x, N });
      expectSubscriptions(slow.subscriptions).toBe('---^--!');
    }),
  );

  it('shows aborts to one way and the close to both, and lets each travel on once', () => {
    const seen: string[] = [];
    const watch = (name: string): ReturnType<typeof observe> =>
      observe(['mail', 'abort', 'close'], ({ stage }) => void seen.push(`${name} ${stage}`));
    const { source, out } = run(when(isList, watch('yes'), watch('no')));
    for (const event of [x, n, x, m, x, q]) source.next(event);
    expect(seen).toEqual(['yes mail', 'yes abort', 'no mail', 'no abort', 'yes close', 'no close']);
    expect(out).toEqual([x, n, x, m, x, q]);
  });

  it(
    'completes after what runs in either way, and errors and is unsubscribed at once',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const completing = hot('-n-r-|    ', { n, r });
      const erring = hot('    -n-r-#    ', { n, r });
      const endless = hot('   -n-r------', { n, r });
      const slow = cold('        ----n  ', { n: reject('yes') });
      const filter = when(
        isList,
        on('rcpt', () => slow),
        no,
      );
      expectObservable(completing.pipe(filter)).toBe('  -n-----(Y|)', { n, Y });
      expectObservable(erring.pipe(filter)).toBe('      -n---#', { n });
      expectObservable(endless.pipe(filter), '^---!').toBe('-n--', { n });
      expectSubscriptions(slow.subscriptions).toBe(['---^---!', '---^-!', '---^!']);
      expectSubscriptions(endless.subscriptions).toBe('^---!');
    }),
  );

  it(
    'is through when one of its ways is through too early, as any pipeline is',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot(' -n-r-m-r-|', { m, n, r });
      const other = hot('  -n-r-m-r-|', { m, n, r });
      expectObservable(source.pipe(when(isList, take(1), no))).toBe('-(n|)', { n });
      expectSubscriptions(source.subscriptions).toBe('^!');
      expectObservable(
        other.pipe(
          when(
            isList,
            mergeMap(() => throwError(() => broken)),
          ),
        ),
      ).toBe('-#', undefined, broken);
      expectSubscriptions(other.subscriptions).toBe('^!');
      expectObservable(hot('-n-|', { n }).pipe(when(isList, () => EMPTY, no))).toBe('|');
    }),
  );

  it(
    'takes operators of any kind, which may take their time',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -n--r--m-r-|', { m, n, r });
      const expected = '    --n--r-m-N-|';
      const later = mergeMap((flow: Flow) => of(flow).pipe(delay(1)));
      expectObservable(source.pipe(when(isList, later, no))).toBe(expected, { m, n, r, N });
    }),
  );

  it('keeps messages of their own within it', () => {
    const counter = (): ReturnType<typeof on> => {
      let count = 0;
      return on('rcpt', () => reject(String(++count)));
    };
    const { source, out } = run(when(isList, perMessage(counter), yes));
    for (const event of [n, r, r, e, m, r, e, n, r]) source.next(event);
    const nth = (count: number): object => decided(r, reject(String(count)));
    expect(out).toEqual([n, nth(1), nth(2), e, m, Y, e, n, nth(1)]);
  });

  it('costs an event the failure decision where the predicate throws, and asks again at the next', () => {
    const predicate = vi.fn<() => boolean>().mockImplementationOnce(() => {
      throw new Error('broken');
    });
    predicate.mockReturnValue(true);
    const { source, out } = run(when(predicate, yes));
    source.next(m);
    source.next(r);
    expect(out).toEqual([decided(m, tempfail()), Y]);
    expect(predicate).toHaveBeenCalledTimes(2);
  });

  it('takes no promise for a yes', async () => {
    const wire = new Wire().pipe(
      when(
        () => Promise.reject(new Error('late')) as unknown as boolean,
        on('mail', () => reject('yes')),
      ),
    );
    expect(wire.say('optneg', 'connect', 'helo', 'mail').at(-1)).toMatchObject({ type: 'tempfail' });
    expect(wire.outcomes.at(-1)?.error?.message).toMatch(
      /at stage mail: when\(\): the predicate returned a promise/,
    );
    await settle();
  });

  it('routes anew on a connection where the last message ended without its own end', () => {
    const wire = new Wire().pipe(
      when(({ stage, session }) => stage === 'mail' && session.macros.get('i') === 'queue-id', yes, no),
    );
    wire.say('optneg', 'connect', 'helo');
    expect(wire.texts('macro', 'mail', 'rcpt', 'abort', 'mail', 'rcpt')).toEqual([
      '550 5.7.1 yes',
      '550 5.7.1 no',
    ]);
  });

  it('ends what runs in both ways with the connection', () => {
    const lists = [new Subject<number>(), new Subject<number>()] as const;
    const wire = new Wire().pipe(
      when(
        () => true,
        on('rcpt', lists[0], () => undefined),
        on('rcpt', lists[1], () => undefined),
      ),
    );
    wire.say('optneg', 'connect');
    expect(lists.map(({ observed }) => observed)).toEqual([true, true]);
    wire.hangUp();
    expect(lists.map(({ observed }) => observed)).toEqual([false, false]);
  });

  it('needs what both ways need, and to see MAIL', () => {
    const tags = tagsOf(
      stepsOf(
        when(
          () => true,
          yes,
          requireRights(
            ['CHGBODY'],
            observe('header', () => undefined),
          ),
        ),
      ),
    );
    expect(tags).toEqual({
      decides: BIT.rcpt,
      observes: BIT.mail | BIT.header,
      wishes: [expect.objectContaining({ rights: SMFIF.CHGBODY, required: true })],
      readers: 0,
    });
    expect(
      tagsOf(
        stepsOf(
          when(
            () => true,
            (source) => source,
          ),
        ),
      ),
    ).toMatchObject({ decides: EVERYTHING.decides });
  });

  it('refuses what is no predicate and no filter', () => {
    expect(() => when(true as never, yes)).toThrow('when(): the first argument has to be a function');
    expect(() => when(() => true, {} as never)).toThrow('when(): the second argument is {}, and no filter.');
  });
});
