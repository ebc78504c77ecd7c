import { observe, on, reject, ProjectError } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { STAGES } from '../../src/session/stage.js';
import { abort, close, decided, eom, mail, rcpt } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { run, settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const r = rcpt();
const m = mail();
const e = eom();
const x = abort();
const q = close();
const R = decided(r, reject());
const broken = new Error('broken');

describe('observe', () => {
  expectQuiet();

  it(
    'lets everything pass as it came',
    marbles(({ hot, expectObservable, expectSubscriptions, flush }) => {
      const source = hot('  -m-r-R-x-q-|', { m, r, R, x, q });
      const subs = '        ^----------!';
      const expected = '    -m-r-R-x-q-|';
      const see = vi.fn();
      expectObservable(source.pipe(observe(['rcpt', 'abort', 'close'], see))).toBe(expected, {
        m,
        r,
        R,
        x,
        q,
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
      flush();
      expect(see.mock.calls).toEqual([[r], [x], [q]]);
    }),
  );

  it(
    'passes an error of the source on',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source = hot('  -r-#', { r });
      const subs = '        ^--!';
      const expected = '    -r-#';
      expectObservable(source.pipe(observe('rcpt', () => undefined))).toBe(expected, { r });
      expectSubscriptions(source.subscriptions).toBe(subs);
    }),
  );

  it(
    'sees nothing any more once it is unsubscribed',
    marbles(({ hot, expectObservable, expectSubscriptions, flush }) => {
      const source = hot('  -r-r-r-', { r });
      const unsub = '       --!    ';
      const subs = '        ^-!    ';
      const expected = '    -r     ';
      const see = vi.fn();
      expectObservable(source.pipe(observe('rcpt', see)), unsub).toBe(expected, { r });
      expectSubscriptions(source.subscriptions).toBe(subs);
      flush();
      expect(see).toHaveBeenCalledOnce();
    }),
  );

  it('hands on the very events', () => {
    const { source, out } = run(observe([...STAGES, 'abort', 'close'], () => undefined));
    for (const event of [m, r, e, x, q]) source.next(event);
    [m, r, e, x, q].forEach((event, index) => {
      expect(out[index]).toBe(event);
    });
  });

  it('does not see what an earlier filter has decided', () => {
    const see = vi.fn();
    const { source } = run((events) =>
      events.pipe(
        on('rcpt', () => reject()),
        observe(['mail', 'rcpt'], see),
      ),
    );
    source.next(m);
    source.next(r);
    expect(see.mock.calls).toEqual([[m]]);
  });

  it('warns of what it throws in a drawing, and goes on', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const running = run(
      observe('rcpt', () => {
        throw broken;
      }),
    );
    running.source.next(r);
    running.source.next(r);
    expect(running.out).toEqual([r, r]);
    expect(running.errors).toEqual([]);
    expect(warn.mock.calls).toEqual([[new ProjectError('rcpt', broken)], [new ProjectError('rcpt', broken)]]);
    warn.mockRestore();
  });

  it.each([
    [
      'throws',
      () => {
        throw broken;
      },
    ],
    ['rejects', async () => Promise.reject(broken)],
    [
      'gives a thenable that fails',
      () => ({ then: (_: unknown, fail: (error: Error) => void) => fail(broken) }),
    ],
  ])('reports to the connection when it %s, and costs no answer', async (_how, see) => {
    const wire = new Wire().pipe(observe(['mail', 'abort'], see as () => Promise<void>));
    expect(wire.say('optneg', 'connect', 'helo', 'mail', 'abort').slice(1)).toEqual([]);
    await settle();
    expect(wire.outcomes.map(({ stage, decision, error }) => ({ stage, decision, error }))).toEqual([
      { stage: 'mail', decision: undefined, error: new ProjectError('mail', broken) },
      { stage: 'abort', decision: undefined, error: new ProjectError('abort', broken) },
    ]);
    expect(wire.outcomes[0]?.error?.cause).toBe(broken);
    expect(wire.outcomes[0]?.session.id).toBe(wire.session.id);
  });

  it('reports a rejection that comes when the connection is over', async () => {
    const wire = new Wire().pipe(
      observe('close', async () => {
        await Promise.resolve();
        throw broken;
      }),
    );
    wire.say('optneg', 'connect', 'quit');
    expect(wire.completed).toBe(true);
    await settle();
    expect(wire.errors).toEqual([]);
  });

  it.each([
    ['an answer', () => reject()],
    ['an answer later', async () => Promise.resolve(reject())],
    ['an Observable', () => ({ subscribe: () => undefined })],
    [
      'a generator',
      function* () {
        yield reject();
      },
    ],
    [
      'an async generator',
      async function* () {
        yield await Promise.resolve(reject());
      },
    ],
  ])('reports that it was given %s, which nobody would hear of', async (_what, see) => {
    const wire = new Wire().pipe(observe('mail', see as never));
    wire.say('optneg', 'connect', 'helo', 'mail');
    await settle();
    expect(wire.outcomes.map(({ error }) => error?.message)).toEqual([
      'The filter failed at stage mail: observe() only looks: what its function returns is dropped. Use on() to answer.',
    ]);
  });

  it.each([[1], ['text'], [new Set()], [{ length: 1 }], [[reject()]], [Promise.resolve(new Map())]])(
    'does not mind %j, which an expression happens to give',
    async (result) => {
      const wire = new Wire().pipe(observe('mail', () => result));
      wire.say('optneg', 'connect', 'helo', 'mail');
      await settle();
      expect(wire.outcomes).toEqual([]);
    },
  );

  it('asks the MTA for its stages without an answer, and is never answered for', () => {
    const see = vi.fn();
    const wire = new Wire().pipe(observe(['header', 'body'], see));
    expect(wire.say('optneg', 'connect', 'helo', 'header', 'body', 'eom')).toEqual([
      expect.objectContaining({ type: 'optneg' }),
      { type: 'continue' },
    ]);
    expect(see).toHaveBeenCalledTimes(2);
    expect(wire.outcomes).toMatchObject([{ stage: 'eom', decision: undefined }]);
  });

  it('refuses what is no function, and stages that there are not', () => {
    expect(() => observe('rcpt', undefined as never)).toThrow(
      new TypeError('observe(): the second argument has to be a function.'),
    );
    expect(() => observe('reply' as never, () => undefined)).toThrow(
      /^"reply" is not a stage that fits here; use one of connect, helo, .*, abort, close\.$/,
    );
  });
});
