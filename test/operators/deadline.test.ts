import { EMPTY, NEVER, Observable, Subject, concatMap, delay, map, mergeMap, of, take } from 'rxjs';
import {
  compose,
  deadline,
  observe,
  onMessage,
  on,
  perMessage,
  answer,
  requireRights,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  type Flow,
  type StageEvent,
  addHeader,
  insertHeader,
  SMFIF,
} from 'rxmilter';
import { contract } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { openChain } from '../../src/operators/core/chain.js';
import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { BIT } from '../../src/session/stage.js';
import { abort, close, decided, eom, header, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const m = mail();
const r = rcpt();
const s = rcpt('second@example.org');
const e = eom();
const h = header('Subject', 'hello');
const x = abort();
const q = close();
const L = decided(r, tempfail('late'));
const R = decided(r, reject('in time'));
const late = tempfail('late');

const never = on('rcpt', () => NEVER);

describe('deadline', () => {
  expectQuiet();

  describe('with a decision for failures', () => {
    const broken = on('rcpt', () => {
      throw new Error('broken');
    });
    const replies = (filter: ReturnType<typeof deadline>): [readonly unknown[], string[]] => {
      const wire = new Wire().pipe(filter);
      wire.say('optneg', 'connect', 'mail');
      return [wire.say('rcpt'), wire.outcomes.flatMap(({ error }) => error?.message ?? [])];
    };
    const FAILED = [expect.stringContaining('broken')];

    it('lets an event pass, or decides it, and reports the error', () => {
      expect(replies(deadline(50, broken, 'pass', { failure: 'pass' }))).toEqual([
        [{ type: 'continue' }],
        FAILED,
      ]);
      expect(replies(deadline(50, broken, 'pass', { failure: reject() }))).toEqual([
        [{ type: 'reject' }],
        FAILED,
      ]);
      expect(replies(deadline(50, broken, 'pass', { failure: () => accept() }))).toEqual([
        [{ type: 'accept' }],
        FAILED,
      ]);
      expect(replies(deadline(50, broken, 'pass'))).toEqual([[{ type: 'tempfail' }], FAILED]);
    });

    it('does so for a filter that fails later, and leaves one alone that does not fail', async () => {
      const wire = new Wire().pipe(
        deadline(
          50,
          on('rcpt', () => Promise.reject(new Error('broken'))),
          tempfail(),
          { failure: 'pass' },
        ),
      );
      wire.say('optneg', 'connect', 'mail');
      wire.say('rcpt');
      await settle();
      expect(
        wire.outcomes.map(({ stage, decision, error }) => [stage, decision?.kind, error?.message]),
      ).toEqual([
        ['rcpt', undefined, expect.stringContaining('broken')],
        ['rcpt', undefined, undefined],
      ]);
      expect(
        replies(
          deadline(
            50,
            on('rcpt', () => reject()),
            'pass',
            { failure: 'pass' },
          ),
        ),
      ).toEqual([[{ type: 'reject' }], []]);
    });

    it('leaves the failure of an earlier filter alone, and fails with a function that fails', () => {
      expect(
        replies(
          compose(
            broken,
            deadline(
              50,
              on('rcpt', () => undefined),
              'pass',
              { failure: 'pass' },
            ),
          ),
        ),
      ).toEqual([[{ type: 'tempfail' }], FAILED]);
      const worse = (): never => {
        throw new Error('worse');
      };
      expect(replies(deadline(50, broken, 'pass', { failure: worse }))).toEqual([
        [{ type: 'tempfail' }],
        [...FAILED, expect.stringContaining('worse')],
      ]);
    });

    it('has to be legal where the filter decides', () => {
      expect(() => deadline(50, broken, 'pass', { failure: skip() })).toThrow('skip() is not legal at rcpt');
      expect(() => deadline(50, broken, 'pass', { failure: 'past' as never })).toThrow(
        /^deadline\(\): failure is 'past'/,
      );
      expect(() => deadline(50, broken, 'pass', { fail: 'pass' } as never)).toThrow(
        'there is no option fail',
      );
    });
  });

  it(
    'answers for a filter that is too slow, and unsubscribes what runs in it',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-----s-----|', { m, r, s });
      const slow = cold('      ----d', { d: reject('in time') });
      const expected = '    -m----L-----S--|';
      expectObservable(
        source.pipe(
          deadline(
            3,
            on('rcpt', () => slow),
            late,
          ),
        ),
      ).toBe(expected, { m, L, S: decided(s, late) });
      expectSubscriptions(slow.subscriptions).toBe(['---^--!', '---------^--!']);
    }),
  );

  it(
    'leaves what is in time as it is',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('  -m-r----h-e-|', { m, r, h, e });
      const slow = cold('      --d', { d: reject('in time') });
      const expected = '    -m---R--h-E-|';
      const filter = compose(
        on('rcpt', () => slow),
        on('eom', () => addHeader('X', 'y')),
      );
      const E = { ...e, modifications: [addHeader('X', 'y')] };
      expectObservable(source.pipe(deadline(3, filter, late))).toBe(expected, { m, R, h, E });
    }),
  );

  it(
    'has one budget for all of the filter, for each event anew',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-----r------|', { r });
      const first = cold<undefined>('   --|');
      const second = cold<undefined>('    --|');
      const expected = '    ----L-----L---|';
      const filter = compose(
        on('rcpt', () => first),
        on('rcpt', () => second),
      );
      expectObservable(source.pipe(deadline(3, filter, late))).toBe(expected, { L });
      expectSubscriptions(second.subscriptions).toBe(['---^!', '---------^!']);
    }),
  );

  it(
    'lets later filters decide where it passes',
    marbles(({ hot, expectObservable }) => {
      const source = hot('-r----|', { r });
      const expected = '  ---R--|';
      const filter = compose(
        deadline(2, never, 'pass'),
        on('rcpt', () => reject('in time')),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { R });
    }),
  );

  it(
    'keeps what earlier filters want to change',
    marbles(({ hot, expectObservable }) => {
      const slow = on('eom', () => NEVER);
      const first = on('eom', () => addHeader('X', 'y'));
      const changed = { ...e, modifications: [addHeader('X', 'y')] };
      const result = (name: 'p' | 'a' | 'u'): Observable<Flow> =>
        hot('-e|', { e }).pipe(
          compose(first, deadline(1, slow, { p: allow(), a: accept(), u: 'pass' as const }[name])),
        );
      expectObservable(result('p')).toBe('--(p|)', { p: decided(changed, allow(), addHeader('X', 'y')) });
      expectObservable(result('a')).toBe('--(a|)', { a: decided(changed, accept(), addHeader('X', 'y')) });
      expectObservable(result('u')).toBe('--(u|)', { u: changed });
    }),
  );

  it(
    'forgets the time at an abort, at the end of the connection and when it is unsubscribed',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      expectObservable(hot('-r-x----|', { r, x }).pipe(deadline(5, never, late))).toBe('---x----|', { x });
      expectObservable(hot('-r-q----|', { r, q }).pipe(deadline(5, never, late))).toBe('---q----|', { q });
      expectObservable(hot('-r-#', { r }).pipe(deadline(5, never, late))).toBe('---#');
      const endless = hot('-r------', { r });
      expectObservable(endless.pipe(deadline(2, never, late)), '^-!').toBe('---');
      expectSubscriptions(endless.subscriptions).toBe('^-!');
    }),
  );

  it(
    'answers for an operator that swallows an event, and drops what one says too late',
    marbles(({ hot, expectObservable }) => {
      const swallow = mergeMap((flow: Flow) =>
        flow === r ? EMPTY : flow.stage === 'rcpt' ? EMPTY : of(flow),
      );
      expectObservable(hot('-m-r-|', { m, r }).pipe(deadline(4, swallow, late))).toBe('-m-----(L|)', {
        m,
        L,
      });
      const slow = concatMap((flow: Flow) => of(flow).pipe(delay(flow.stage === 'rcpt' ? 6 : 1)));
      expectObservable(hot('-m-r-----m-|', { m, r }).pipe(deadline(4, slow, late))).toBe('--m----L--m|', {
        m,
        L,
      });
    }),
  );

  it(
    'ends with a filter that ends too early, as any pipeline does',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('-m-r-|', { m, r });
      expectObservable(source.pipe(deadline(4, take(1), late))).toBe('-(m|)', { m });
      expectSubscriptions(source.subscriptions).toBe('^!');
    }),
  );

  it(
    'can be within another, and the shorter one counts',
    marbles(({ hot, expectObservable }) => {
      const inner = compose(
        observe('mail', () => undefined),
        deadline(2, never, late),
        on('mail', () => NEVER),
      );
      const filter = deadline(4, inner, 'pass');
      expectObservable(hot('-m------r---|', { m, r }).pipe(filter)).toBe('-----m----L-|', { m, L });
      expectObservable(hot('-r------|', { r }).pipe(deadline(1, inner, 'pass'))).toBe('--r-----|', { r });
    }),
  );

  it(
    'keeps what an earlier filter has decided',
    marbles(({ hot, expectObservable }) => {
      const slow = mergeMap((flow: Flow) => (flow.stage === 'reply' ? of(flow).pipe(delay(9)) : of(flow)));
      const filter = compose(
        on('rcpt', () => reject('in time')),
        deadline(2, slow, late),
      );
      expectObservable(hot('-m-r---------|', { m, r }).pipe(filter)).toBe('-m---R-------|', { m, R });
    }),
  );

  it('does not time events that the filter only observes, nor those that it is not interested in', () => {
    const filter = deadline(
      5,
      compose(
        observe('mail', () => undefined),
        on('rcpt', () => undefined),
      ),
      late,
    );
    const { source, out } = run(filter);
    for (const event of [m, r, h, e, q]) source.next(event);
    expect(out).toEqual([m, r, h, e, q]);
    // The very same, and no copies.
    out.forEach((flow, index) => expect(flow).toBe([m, r, h, e, q][index]));
  });

  it('aborts the signal, and lets go of a message as a whole', async () => {
    vi.useFakeTimers();
    const signals: AbortSignal[] = [];
    const wire = new Wire().pipe(
      deadline(
        100,
        onMessage((_message, { signal }) => {
          signals.push(signal);
          return new Promise(() => undefined);
        }),
        late,
      ),
    );
    wire.say('optneg', 'connect', 'helo', 'mail', 'rcpt', 'header', 'eoh', 'body', 'eom');
    await settle();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    vi.advanceTimersByTime(99);
    expect(wire.heard()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(wire.heard()).toMatchObject([{ type: 'replycode', text: '451 4.7.1 late' }]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(wire.outcomes.map(({ stage, decision, error }) => [stage, decision, error])).toEqual([
      ['eom', late, undefined],
    ]);
  });

  it('goes on with the signs of life while the end of a message is pending', () => {
    vi.useFakeTimers();
    const wire = new Wire({ timeouts: { progress: 10 } }).pipe(
      deadline(
        35,
        on('eom', () => NEVER),
        late,
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'eom');
    vi.advanceTimersByTime(100);
    expect(wire.heard().map(({ type }) => type)).toEqual(['progress', 'progress', 'progress', 'replycode']);
  });

  it('gives up a body that is read as it arrives, at the piece for which the time is over', async () => {
    vi.useFakeTimers();
    const seen: unknown[] = [];
    const wire = new Wire().pipe(
      deadline(
        50,
        onMessage({ body: 'stream' }, async ({ body }) => {
          try {
            for await (const chunk of body) {
              seen.push(Buffer.from(chunk).toString());
              await new Promise(() => undefined);
            }
          } catch (error) {
            seen.push(error);
          }
        }),
        'pass',
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'header', 'eoh', 'body', 'body');
    await settle();
    vi.advanceTimersByTime(50);
    await settle();
    wire.say('eom');
    await settle();
    expect(seen).toEqual(['hello\r\n']);
    expect(wire.outcomes.map(({ stage, decision, error }) => [stage, decision?.kind, error])).toEqual([
      ['body', undefined, undefined],
      // Nobody reads it any more.
      ['body', 'skip', undefined],
      ['eom', undefined, undefined],
    ]);
  });

  it('takes a message on after an event that was too slow, with state that is the message’s own', () => {
    vi.useFakeTimers();
    const wire = new Wire().pipe(
      deadline(
        10,
        perMessage(() => {
          let count = 0;
          return on('rcpt', () => (++count === 2 ? NEVER : of(reject(String(count)))));
        }),
        'pass',
      ),
    );
    wire.say('optneg', 'connect', 'helo', 'mail', 'rcpt', 'rcpt');
    vi.advanceTimersByTime(10);
    expect(wire.texts('rcpt', 'abort', 'mail', 'rcpt')).toEqual(['550 5.7.1 3', '550 5.7.1 1']);
  });

  it('leaves recipients out of a message as a whole that a later filter has refused', () => {
    const recipients: string[][] = [];
    const wire = new Wire().pipe(
      compose(
        deadline(
          1000,
          compose(
            on('rcpt', () => undefined),
            onMessage((message) => void recipients.push(message.recipients.map(({ address }) => address))),
          ),
          late,
        ),
        on('rcpt', ({ address }) => (address === 'bad@example.org' ? reject() : undefined)),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', { type: 'rcpt', address: '<bad@example.org>', args: [] });
    wire.say('data', 'header', 'eoh', 'body', 'eom');
    expect(recipients).toEqual([['rcpt@example.org']]);
  });

  it('tells of a reply that comes when the time is over', () => {
    vi.useFakeTimers();
    const opaque = mergeMap((flow: Flow) =>
      flow.stage === 'rcpt' ? of(answer(flow, reject('late'))).pipe(delay(20)) : of(flow),
    );
    const wire = new Wire().pipe(deadline(10, opaque, allow()));
    wire.say('optneg', 'connect', 'helo', 'mail', 'rcpt');
    vi.advanceTimersByTime(30);
    expect(wire.heard().at(-1)).toMatchObject({ type: 'continue' });
    expect(wire.outcomes.map(({ error }) => error).filter((error) => error !== undefined)).toMatchObject([
      {
        name: 'StaleReplyError',
        stage: 'rcpt',
        message: expect.stringContaining('its deadline of 10 ms was over'),
      },
    ]);
    expect(wire.say('rcpt', 'abort')).toEqual([]);
    vi.advanceTimersByTime(30);
  });

  it('asks a function what an event gets that is late', () => {
    vi.useFakeTimers();
    const counted: string[] = [];
    const choose = (event: StageEvent): ReturnType<typeof allow> | 'pass' => {
      counted.push(event.stage);
      return event.stage === 'mail' ? 'pass' : allow();
    };
    const wire = new Wire().pipe(
      compose(
        deadline(
          10,
          on(['mail', 'rcpt'], () => NEVER),
          choose,
        ),
        on(['mail', 'rcpt'], ({ stage }) => reject(stage)),
      ),
    );
    wire.say('optneg', 'connect', 'helo', 'mail');
    vi.advanceTimersByTime(10);
    expect(wire.heard()).toMatchObject([{ text: '550 5.7.1 mail' }]);
    wire.say('mail');
    vi.advanceTimersByTime(10);
    wire.heard();
    expect(counted).toEqual(['mail', 'mail']);
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'The filter failed at stage rcpt: broken',
    ],
    ['gives nothing', () => undefined, 'the function gave no decision'],
    ['gives what is not legal there', () => skip(), 'skip() is not legal at stage rcpt'],
  ])('costs an event the failure decision where that function %s', (_what, decide, said) => {
    vi.useFakeTimers();
    const wire = new Wire().pipe(deadline(10, never, decide as never));
    wire.say('optneg', 'connect', 'helo', 'mail', 'rcpt');
    vi.advanceTimersByTime(10);
    expect(wire.heard().at(-1)).toMatchObject({ type: 'tempfail' });
    expect(wire.outcomes.at(-1)?.error?.message).toContain(said);
  });

  it('asks the MTA for what the filter needs', () => {
    const inner = requireRights(
      ['CHGBODY'],
      compose(
        observe('header', () => undefined),
        on('rcpt', () => reject()),
      ),
    );
    expect(tagsOf(stepsOf(deadline(1, inner, late)))).toEqual({
      decides: BIT.rcpt,
      observes: BIT.header,
      wishes: [expect.objectContaining({ rights: SMFIF.CHGBODY, required: true })],
      readers: 0,
    });
    const body = on('body', () => skip());
    const wire = new Wire().pipe(deadline(1, body, skip()));
    expect(wire.say('optneg', 'connect', 'mail', 'body')).toMatchObject([
      { type: 'optneg' },
      { type: 'continue' },
      { type: 'skip' },
    ]);
  });

  it('lets the MTA leave out the rest of a body of which the filter has enough', () => {
    const wire = new Wire().pipe(
      deadline(
        1000,
        onMessage({ body: 'buffer', maxBytes: 3 }, () => undefined),
        late,
      ),
    );
    expect(wire.say('optneg', 'connect', 'mail', 'rcpt', 'body').at(-1)).toMatchObject({ type: 'skip' });
  });

  it('lets go of what runs in the filter when it is closed', () => {
    const list = new Subject<number>();
    const down = { next: () => undefined, error: () => undefined, complete: () => undefined };
    const filter = deadline(
      5,
      on('rcpt', list, () => undefined),
      late,
    );
    const chain = openChain(stepsOf(filter), down);
    expect(list.observed).toBe(true);
    chain.close();
    expect(list.observed).toBe(false);
  });

  it('refuses what cannot be, and says why', () => {
    expect(() => deadline(0, never, late)).toThrow(
      'deadline(): the first argument is 0; it has to be a number of milliseconds above 0',
    );
    expect(() => deadline(Infinity, never, late)).toThrow(RangeError);
    expect(() => deadline('5' as never, never, late)).toThrow(TypeError);
    expect(() => deadline(5, {} as never, late)).toThrow(
      'deadline(): the second argument is {}, and no filter.',
    );
    expect(() => deadline(5, never, undefined as never)).toThrow('the third argument is missing');
    expect(() => deadline(5, never, addHeader('X', 'y') as never)).toThrow(TypeError);
    expect(() =>
      deadline(
        5,
        on(['connect', 'rcpt'], () => undefined),
        discard(),
      ),
    ).toThrow('deadline(): discard() is not legal at connect, which the filter decides.');
    expect(() => deadline(5, (source) => source, accept())).toThrow('accept() is not legal at unknown');
    expect(() => deadline(5, never, { kind: 'tempfail', reply: { code: 550, lines: ['no'] } })).toThrow(
      '550',
    );
    expect(() =>
      deadline(
        5,
        on('body', () => undefined),
        skip(),
      ),
    ).not.toThrow();
  });

  for (const { name, check } of contract(
    deadline(
      20,
      compose(
        on('mail', ({ address }) => (address === '' ? NEVER : undefined)),
        on('header', () => of(undefined).pipe(delay(1))),
        onMessage(async ({ body }) => {
          for await (const _chunk of body);
          return [insertHeader('top', 'X-Size', String(body.size))];
        }),
        map((flow: Flow) => flow),
      ),
      'pass',
    ),
    { settle: 30 },
  )) {
    it(`${name}, as every filter`, check);
  }
});
