import { EMPTY, type OperatorFunction, map, take } from 'rxjs';
import {
  compose,
  observe,
  on,
  perConnection,
  perMessage,
  answer,
  accept,
  discard,
  allow,
  reject,
  tempfail,
  type Flow,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { abort, close, connect, decided, eom, helo, mail, rcpt, unknown } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const c = connect();
const h = helo();
const m = mail();
const r = rcpt();
const e = eom();
const u = unknown();
const x = abort();
const q = close();
const nth = (count: number): Flow => decided(r, reject(String(count)));
const [I, J, K] = [nth(1), nth(2), nth(3)];

/** Tells how many recipients it has seen in its life. */
const counter = (): OperatorFunction<Flow, Flow> => {
  let count = 0;
  return on('rcpt', () => reject(String(++count)));
};

describe('perMessage', () => {
  expectQuiet();

  it(
    'starts afresh with each message, after eom as after abort',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-r-e-m-r-x-m-r-|', { m, r, e, x });
      const subs = '        ^------------------!';
      const expected = '    -m-I-J-e-m-I-x-m-I-|';
      expectObservable(source.pipe(perMessage(counter))).toBe(expected, { m, e, x, I, J });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'starts afresh where the MTA does not say that the last message is over, only that another begins',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -m-r-r-m-r-|', { m, r });
      const expected = '    -m-I-J-m-I-|';
      expectObservable(source.pipe(perMessage(counter))).toBe(expected, { m, I, J });
    }),
  );

  it(
    'starts afresh where an earlier filter has decided the first event or the last',
    marbles(({ hot, expectObservable }) => {
      const source = hot('  -m-r-r-m-r-e-r-|', { m, r, e });
      const expected = '    -M-I-J-M-I-E-I-|';
      const filter = compose(
        on(['mail', 'eom'], () => allow()),
        perMessage(counter),
      );
      expectObservable(source.pipe(filter)).toBe(expected, {
        M: decided(m, allow()),
        E: decided(e, allow()),
        I,
        J,
      });
    }),
  );

  it(
    'starts afresh after its own filter has decided the last event',
    marbles(({ hot, cold, expectObservable }) => {
      const source = hot('  -r-e----r-e---|', { r, e });
      const answers = cold('    --n          ', { n: accept() });
      const expected = '    -I---E--I---E-|';
      const filter = perMessage(() =>
        compose(
          counter(),
          on('eom', () => answers),
        ),
      );
      expectObservable(source.pipe(filter)).toBe(expected, { I, E: decided(e, accept()) });
    }),
  );

  it(
    'lets events that belong to no message pass without making a filter',
    marbles(({ hot, expectObservable, flush }) => {
      const source = hot('  -c-h-u-x-q-|', { c, h, u, x, q });
      const expected = '    -c-h-u-x-q-|';
      const factory = vi.fn(counter);
      const filter = perMessage(factory);
      expect(factory).toHaveBeenCalledTimes(1);
      expectObservable(source.pipe(filter)).toBe(expected, { c, h, u, x, q });
      flush();
      expect(factory).toHaveBeenCalledTimes(1);
    }),
  );

  it(
    'cancels what runs when the message is over',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('  -m-r-x-m-r-m-r----|', { m, r, x });
      const answers = cold('    ---n            ', { n: reject('1') });
      const inner = ['      ---^-!             ', '---------^-!', '-------------^--!'];
      const expected = '    -m---x-m---m----I-|';
      const filter = perMessage(() => on('rcpt', () => answers));
      expectObservable(source.pipe(filter)).toBe(expected, { m, x, I });
      expectSubscriptions(answers.subscriptions).toBe(inner);
    }),
  );

  it(
    'completes after what runs, and errors and is unsubscribed at once',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const completing = hot('-r-|    ', { r });
      const erring = hot('    -r-#    ', { r });
      const endless = hot('   -r------', { r });
      const answers = cold('   ----n  ', { n: reject('1') });
      const filter = perMessage(() => on('rcpt', () => answers));
      expectObservable(completing.pipe(filter)).toBe('-----(I|)', { I });
      expectObservable(erring.pipe(filter)).toBe('    ---#');
      expectObservable(endless.pipe(filter), '        --!').toBe('----');
      expectSubscriptions(answers.subscriptions).toBe(['-^---!', '-^-!', '-^!']);
      expectSubscriptions(endless.subscriptions).toBe('^-!');
    }),
  );

  it(
    'gives each subscription messages of its own',
    marbles(({ hot, expectObservable }) => {
      const source = hot(' -m-r-r-|', { m, r });
      const filtered = source.pipe(perMessage(counter));
      expectObservable(filtered, '^       ').toBe('-m-I-J-|', { m, I, J });
      expectObservable(filtered, '----^   ').toBe('-----I-|', { I });
    }),
  );

  it('calls the factory once to ask it, and then once for each message', () => {
    const factory = vi.fn(counter);
    const filter = perMessage(factory);
    expect(factory).toHaveBeenCalledTimes(1);
    const { source } = run(filter);
    for (const event of [c, m, r, r, e, m, r, x, m, e]) source.next(event);
    expect(factory).toHaveBeenCalledTimes(4);
  });

  it('hands on the very event that nobody decided', () => {
    const { source, out } = run(perMessage(() => on(['mail', 'rcpt', 'eom'], () => undefined)));
    for (const event of [m, r, e]) source.next(event);
    [m, r, e].forEach((event, index) => {
      expect(out[index]).toBe(event);
    });
  });

  it('throws what the factory throws when it is asked', () => {
    expect(() =>
      perMessage(() => {
        throw new Error('broken');
      }),
    ).toThrow('broken');
    expect(() => perMessage(() => undefined as never)).toThrow(
      'perMessage(): what the function returned is undefined, and no filter.',
    );
  });

  it('fails for each event of a message whose factory throws, and tries again', () => {
    const makes = vi.fn(counter);
    const filter = perMessage(makes);
    makes.mockImplementationOnce(() => {
      throw new Error('broken');
    });
    makes.mockImplementationOnce(() => undefined as never);
    const wire = new Wire().pipe(filter);
    wire.say('optneg', 'connect', 'mail');
    wire.heard();
    expect(wire.say('rcpt', 'rcpt', 'rcpt')).toEqual([
      { type: 'tempfail' },
      { type: 'tempfail' },
      { type: 'replycode', text: '550 5.7.1 1' },
    ]);
    expect(wire.outcomes.map(({ error }) => error?.message).slice(-3)).toEqual([
      'The filter failed at stage rcpt: broken',
      expect.stringContaining('perMessage(): what the function returned is undefined, and no filter.'),
      undefined,
    ]);
  });

  it('takes an operator of RxJS, and keeps its state for the message', () => {
    const filter = perMessage(() =>
      map((flow, index) => (flow.stage === 'rcpt' ? answer(flow, reject(String(index))) : flow)),
    );
    const { source, out } = run(filter);
    for (const event of [c, m, r, r, e, m, r, x]) source.next(event);
    expect(out).toEqual([c, m, I, J, e, m, I, x]);
  });

  it('lets the rest of the message pass an operator that is through before it is over', () => {
    const factory = vi.fn((): OperatorFunction<Flow, Flow> => compose(take(2), counter()));
    const running = run(perMessage(factory));
    factory.mockClear();
    for (const event of [m, r, r, e, m, r, r, x]) running.source.next(event);
    expect(running.out).toEqual([m, I, r, e, m, I, r, x]);
    expect(factory).toHaveBeenCalledTimes(2);
    running.source.complete();
    expect(running.completed).toBe(true);
  });

  it('lets the message pass an operator that is through at once', () => {
    const running = run(perMessage(() => () => EMPTY));
    for (const event of [m, r, e]) running.source.next(event);
    running.source.complete();
    expect(running.out).toEqual([m, r, e]);
    expect(running.completed).toBe(true);
  });

  it('errors with an operator that errors', () => {
    const { source, errors, out } = run(
      perMessage(() =>
        map(() => {
          throw new Error('broken');
        }),
      ),
    );
    source.next(c);
    source.next(m);
    expect(out).toEqual([c]);
    expect(errors).toEqual([new Error('broken')]);
  });

  it.each([
    ['rejected at mail', 'mail', reject()],
    ['accepted at rcpt', 'rcpt', accept()],
    ['discarded at header', 'header', discard()],
    ['rejected at eom', 'eom', reject()],
  ] as const)('is over when the message was %s by a later filter', (_what, stage, decision) => {
    const lives = vi.fn();
    const filter = compose(
      perMessage(() => {
        let first = true;
        return observe(['mail', 'rcpt', 'header', 'eom'], () => {
          if (first) lives();
          first = false;
        });
      }),
      on(stage as 'eom', () => decision),
    );
    const wire = new Wire().pipe(filter);
    wire.say('optneg', 'connect', 'mail');
    if (stage !== 'mail') wire.say('rcpt');
    if (stage === 'header' || stage === 'eom') wire.say('header');
    if (stage === 'eom') wire.say('eom');
    expect(lives).toHaveBeenCalledTimes(1);
    wire.say('mail');
    expect(lives).toHaveBeenCalledTimes(2);
  });

  it('carries nothing over on a connection where the filter sees the recipients only', () => {
    const wire = new Wire().pipe(perMessage(counter));
    wire.say('optneg', 'connect');
    expect(wire.texts('mail', 'rcpt', 'rcpt', 'eom')).toEqual(['550 5.7.1 1', '550 5.7.1 2']);
    expect(wire.texts('mail', 'rcpt', 'abort')).toEqual(['550 5.7.1 1']);
    expect(wire.texts('mail', 'rcpt', 'helo')).toEqual(['550 5.7.1 1']);
    expect(wire.texts('mail', 'rcpt', 'quitNc')).toEqual(['550 5.7.1 1']);
    expect(wire.texts('connect', 'mail', 'rcpt', 'rcpt')).toEqual(['550 5.7.1 1', '550 5.7.1 2']);
  });
});

describe('perConnection', () => {
  expectQuiet();

  it(
    'keeps its state over messages, until close',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -c-m-r-e-m-r-x-r-q-c-r-|', { c, m, r, e, x, q });
      const subs = '        ^----------------------!';
      const expected = '    -c-m-I-e-m-J-x-K-q-c-I-|';
      expectObservable(source.pipe(perConnection(counter))).toBe(expected, { c, m, e, x, q, I, J, K });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'gives each connection a filter of its own',
    marbles(({ hot, expectObservable }) => {
      const filter = perConnection(counter);
      const one = hot('    -r---r-|', { r });
      const other = hot('  ---r---r|', { r });
      expectObservable(one.pipe(filter)).toBe('  -I---J-|', { I, J });
      expectObservable(other.pipe(filter)).toBe('---I---J|', { I, J });
    }),
  );

  it(
    'cancels what runs on close, passes errors on and completes after what runs',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const closing = hot('   -r-q|   ', { r, q });
      const erring = hot('    -r-#    ', { r });
      const completing = hot('-r-|    ', { r });
      const answers = cold('   ----n  ', { n: reject('1') });
      const filter = perConnection(() => on('rcpt', () => answers));
      expectObservable(closing.pipe(filter)).toBe('   ---q|', { q });
      expectObservable(erring.pipe(filter)).toBe('    ---#');
      expectObservable(completing.pipe(filter)).toBe('-----(I|)', { I });
      expectSubscriptions(answers.subscriptions).toBe(['-^-!', '-^-!', '-^---!']);
    }),
  );

  it('starts afresh on the same socket after QUIT_NC, and dies with it', () => {
    const unsubscribed = vi.fn();
    const lives = vi.fn();
    const wire = new Wire().pipe(
      perConnection(() => {
        lives();
        return compose(counter(), (events) => events.pipe(map((flow) => flow)));
      }),
    );
    lives.mockClear();
    expect(wire.texts('optneg', 'connect', 'mail', 'rcpt', 'eom', 'mail', 'rcpt')).toEqual([
      '550 5.7.1 1',
      '550 5.7.1 2',
    ]);
    expect(wire.texts('quitNc', 'connect', 'mail', 'rcpt')).toEqual(['550 5.7.1 1']);
    expect(lives).toHaveBeenCalledTimes(2);
    expect(unsubscribed).not.toHaveBeenCalled();
  });

  it('fails for an event whose factory throws', () => {
    const factory = vi.fn(counter);
    const { source, out } = run(perConnection(factory));
    factory.mockImplementationOnce(() => {
      throw new Error('broken');
    });
    source.next(r);
    source.next(r);
    expect(out).toEqual([decided(r, tempfail()), I]);
  });

  it('may hold what lives for a message, and the other way round', () => {
    const nested = run(perConnection(() => compose(perMessage(counter))));
    const other = run(perMessage(() => perConnection(counter)));
    for (const event of [c, m, r, r, e, m, r, q]) {
      nested.source.next(event);
      other.source.next(event);
    }
    expect(nested.out).toEqual([c, m, I, J, e, m, I, q]);
    expect(other.out).toEqual([c, m, I, J, e, m, I, q]);
  });
});
