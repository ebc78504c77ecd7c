import {
  EMPTY,
  Observable,
  Subject,
  filter as keep,
  map,
  merge,
  mergeMap,
  of,
  take,
  tap,
  throwError,
  timer,
} from 'rxjs';
import {
  compose,
  on,
  answer,
  sink,
  accept,
  discard,
  reject,
  tempfail,
  ProjectError,
  StaleReplyError,
  UnansweredError,
  type Flow,
  addHeader,
  quarantine,
} from 'rxmilter';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const seen = addHeader('X-Seen', 'yes');
const SEEN = { type: 'addHeader', name: 'X-Seen', value: 'yes' };
const GO = { type: 'continue' };
const FAIL = { type: 'tempfail' };
const broken = new Error('broken');

/** A connection on which a message has got as far as MAIL. */
function atMail(filter: Parameters<Wire['pipe']>[0], options?: ConstructorParameters<typeof Wire>[0]): Wire {
  const wire = new Wire(options).pipe(filter);
  wire.say('optneg', 'connect', 'helo', 'mail');
  wire.outcomes.length = 0;
  return wire;
}

/** What went wrong, in a line each. */
function errorsOf({ outcomes }: Wire): string[] {
  return outcomes.flatMap(({ error }) => (error === undefined ? [] : [String(error)]));
}

describe('1. what a project returns', () => {
  expectQuiet();

  it('lets an event travel on, or decides it, or puts modifications on it', () => {
    const filter = compose(
      on('rcpt', ({ address }) => (address === 'rcpt@example.org' ? undefined : reject('who?'))),
      on('rcpt', () => tempfail('later')),
      on('eom', () => seen),
      on('eom', ({ modifications }) => [quarantine(`after ${modifications.length}`)]),
    );
    const wire = atMail(filter);
    expect(wire.texts('rcpt')).toEqual(['451 4.7.1 later']);
    expect(wire.say({ type: 'rcpt', address: '<x@example.org>', args: [] })).toEqual([
      { type: 'replycode', text: '550 5.7.1 who?' },
    ]);
    expect(wire.say('eom')).toEqual([
      SEEN,
      expect.objectContaining({ type: 'quarantine', text: 'after 1' }),
      GO,
    ]);
  });
});

describe('2. modifications', () => {
  expectQuiet();

  it('are held until the decision, and written just before it in one write', () => {
    const answers = new Subject<ReturnType<typeof addHeader | typeof accept>>();
    const wire = atMail(on('eom', () => answers));
    wire.say('eom');
    const before = wire.bytes.length;
    answers.next(seen);
    answers.next(addHeader('X-More', 'too'));
    expect(wire.bytes).toHaveLength(before);
    answers.next(accept());
    expect(wire.bytes).toHaveLength(before + 1);
    expect(wire.heard().map(({ type }) => type)).toEqual(['addHeader', 'addHeader', 'accept']);
  });

  it.each([
    ['reject', [seen, reject()], 'reject'],
    ['tempfail', [seen, tempfail()], 'tempfail'],
    ['discard', [seen, discard()], 'discard'],
    ['a promise that rejects', [seen], 'tempfail'],
  ])('are not written with %s', async (what, answers, said) => {
    const wire = atMail(
      compose(
        on('eom', () => seen),
        on('eom', () => answers),
        on('eom', () => (what === 'a promise that rejects' ? Promise.reject<undefined>(broken) : undefined)),
      ),
    );
    const now = wire.say('eom');
    await settle();
    expect([...now, ...wire.heard()]).toEqual([{ type: said }]);
    expect(wire.outcomes.at(-1)?.modifications).toEqual([]);
    expect(wire.outcomes.at(-1)?.decision?.kind).toBe(said);
  });

  it('are all checked before the first byte goes out', () => {
    const forged = { kind: 'addHeader', name: 'X-Bad:', value: 'a' } as const;
    const wire = atMail(on('eom', () => [seen, forged, accept()]));
    expect(wire.say('eom')).toEqual([FAIL]);
    expect(errorsOf(wire)).toEqual([
      expect.stringMatching(/^AnswerError: addHeader: "X-Bad:" is not a header name/),
    ]);
  });
});

describe('3. isolation', () => {
  expectQuiet();

  const failures: Readonly<Record<string, () => never>> = {
    throws: () => {
      throw broken;
    },
    rejects: (() => Promise.reject(broken)) as () => never,
    errors: (() => throwError(() => broken)) as () => never,
    'errors later': (() => timer(0).pipe(mergeMap(() => throwError(() => broken)))) as () => never,
    'throws in a generator': function* () {
      throw broken;
    } as unknown as () => never,
    'throws in an async generator': async function* () {
      await Promise.resolve();
      throw broken;
    } as unknown as () => never,
  };

  it.each(Object.entries(failures))('costs one event where a project %s', async (_how, fail) => {
    let count = 0;
    const wire = atMail(on('rcpt', () => (count++ === 0 ? fail() : reject('no'))));
    const now = wire.say('rcpt').slice(-1);
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect([...now, ...wire.heard()].at(-1)).toEqual(FAIL);
    expect(wire.outcomes).toEqual([
      expect.objectContaining({
        stage: 'rcpt',
        decision: tempfail(),
        error: new ProjectError('rcpt', broken),
      }),
    ]);
    expect(wire.outcomes[0]?.session.id).toBe(wire.session.id);
    expect(wire.outcomes[0]?.error?.cause).toBe(broken);
    expect(wire.texts('rcpt')).toEqual(['550 5.7.1 no']);
    expect(wire.ended).toBe(false);
    expect(wire.errors).toEqual([]);
  });

  it('gives the failure decision that is set', () => {
    const wire = atMail(on('rcpt', failures.throws ?? (() => undefined)), { failure: accept() });
    expect(wire.say('rcpt').at(-1)).toEqual({ type: 'accept' });
  });

  it('fails for what an operator of RxJS errors at, and closes that connection and no other', () => {
    let subscriptions = 0;
    const filter = compose(
      on('mail', () => undefined),
      (events) =>
        new Observable<Flow>((subscriber) => {
          subscriptions++;
          return events
            .pipe(
              tap((flow) => {
                if (flow.stage === 'rcpt' && flow.address === 'bad@example.org') throw broken;
              }),
            )
            .subscribe(subscriber);
        }),
    );
    const bad = atMail(filter);
    const good = atMail(filter);
    expect(bad.say({ type: 'rcpt', address: '<bad@example.org>', args: [] }).at(-1)).toEqual(FAIL);
    expect(bad.ended).toBe(true);
    expect(bad.completed).toBe(true);
    expect(bad.errors).toEqual([]);
    expect(errorsOf(bad)).toEqual(['ProjectError: The filter failed at stage rcpt: broken']);
    expect(bad.outcomes[0]).toMatchObject({ stage: 'rcpt', decision: tempfail() });
    expect(good.say('rcpt').at(-1)).toEqual(GO);
    expect(good.ended).toBe(false);
    expect(subscriptions).toBe(2);
  });

  it.each([
    ['completes at once', () => EMPTY],
    ['errors at once', () => throwError(() => broken)],
  ])('closes the connection, and leaves the others, where an operator %s', (_how, operator) => {
    const undecided = on('rcpt', () => undefined);
    for (const filter of [operator, compose(operator), compose(undecided, operator)]) {
      const wire = new Wire().pipe(filter);
      wire.say('optneg', 'connect');
      expect(wire.heard()).toEqual([]);
      expect(wire.ended).toBe(true);
      expect(wire.completed).toBe(true);
      expect(wire.errors).toEqual([]);
      expect(errorsOf(wire)).toHaveLength(1);
    }
  });

  it.each([
    [
      'throws when it is called',
      () => {
        throw broken;
      },
    ],
    ['gives no Observable', () => undefined as never],
  ])('fails for each event, and leaves the connection, where an operator %s', (how, operator) => {
    const undecided = on('rcpt', () => undefined);
    // RxJS calls what stands in pipe() itself: what is thrown there never gets as far as the connection.
    const bare = how.startsWith('throws') ? [] : [operator];
    for (const filter of [...bare, compose(operator), compose(undecided, operator)]) {
      const wire = new Wire().pipe(filter);
      expect(wire.say('optneg', 'connect').at(-1)).toEqual(FAIL);
      expect(wire.ended).toBe(false);
      expect(wire.errors).toEqual([]);
      expect(errorsOf(wire)).toHaveLength(1);
    }
  });

  it('fails for the pending event where the pipeline completes early', () => {
    const wire = atMail(compose(take(4)));
    expect(wire.ended).toBe(false);
    const early = atMail((events) => events.pipe(take(3)));
    expect(early.ended).toBe(true);
    expect(errorsOf(wire)).toEqual([]);
    const pending = atMail((events) =>
      events.pipe(
        keep((flow) => flow.stage !== 'rcpt'),
        take(4),
      ),
    );
    pending.say('rcpt');
    expect(pending.heard()).toEqual([]);
  });

  it('fails for the pending event where an operator forgets to pass on what it has left undecided', () => {
    const forgets = map((flow: Flow) => (flow.stage === 'rcpt' ? (undefined as unknown as Flow) : flow));
    for (const filter of [forgets, compose(forgets)]) {
      const wire = atMail(filter);
      expect(wire.say('rcpt').at(-1)).toEqual(FAIL);
      expect(errorsOf(wire)).toEqual([
        expect.stringMatching(/An operator of the pipeline emitted undefined/),
      ]);
      expect(wire.ended).toBe(true);
    }
  });
});

describe('4. cancellation', () => {
  expectQuiet();

  const ends: Readonly<Record<string, (wire: Wire) => void>> = {
    abort: (wire) => void wire.say('abort'),
    QUIT: (wire) => void wire.say('quit'),
    QUIT_NC: (wire) => void wire.say('quitNc'),
    'a lost connection': (wire) => wire.hangUp(),
    'the deadline': () => void vi.advanceTimersByTime(50),
    unsubscribing: (wire) => wire.unsubscribe(),
  };

  beforeEach(() => void vi.useFakeTimers());

  it.each(Object.entries(ends))('by %s unsubscribes the Observable that runs', (_what, end) => {
    const teardown = vi.fn();
    const wire = atMail(
      on('rcpt', () => new Observable<never>(() => teardown)),
      { timeouts: { reply: 50 } },
    );
    wire.say('rcpt');
    expect(teardown).not.toHaveBeenCalled();
    end(wire);
    expect(teardown).toHaveBeenCalledOnce();
  });

  it.each(Object.entries(ends))('by %s aborts the signal', (_what, end) => {
    const aborted = vi.fn();
    const wire = atMail(
      on('rcpt', (_event, { signal }) => {
        signal.addEventListener('abort', aborted);
        return new Promise<undefined>(() => undefined);
      }),
      { timeouts: { reply: 50 } },
    );
    wire.say('rcpt');
    expect(aborted).not.toHaveBeenCalled();
    end(wire);
    expect(aborted).toHaveBeenCalledOnce();
  });

  it.each(Object.entries(ends))('by %s finishes the generator', async (_what, end) => {
    const finished = vi.fn();
    const wire = atMail(
      on('rcpt', async function* (_event, { signal }) {
        try {
          yield undefined;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          yield reject();
        } finally {
          finished();
        }
      }),
      { timeouts: { reply: 50 } },
    );
    wire.say('rcpt');
    await settle();
    expect(finished).not.toHaveBeenCalled();
    end(wire);
    await settle();
    expect(finished).toHaveBeenCalledOnce();
  });

  it('makes no signal that nobody asks for', () => {
    const made = vi.spyOn(globalThis, 'AbortController');
    const wire = atMail(on('rcpt', () => timer(1).pipe(map(() => reject()))));
    wire.say('rcpt', 'abort');
    expect(made).not.toHaveBeenCalled();
    made.mockRestore();
  });

  it('reports a teardown that throws, with the stage, and goes on', () => {
    const wire = atMail(
      on(
        'rcpt',
        () =>
          new Observable<never>(() => () => {
            throw broken;
          }),
      ),
    );
    wire.say('rcpt', 'abort');
    expect(errorsOf(wire)).toEqual([
      expect.stringMatching(/^ProjectError: The filter failed at stage rcpt:.*broken/s),
    ]);
    wire.say('mail');
    expect(wire.ended).toBe(false);
  });

  it('does not cancel what an answered event has left running', () => {
    const aborted = vi.fn();
    const wire = atMail(
      on('rcpt', (_event, { signal }) => {
        signal.addEventListener('abort', aborted);
        return reject();
      }),
    );
    wire.say('rcpt', 'abort', 'quit');
    expect(aborted).not.toHaveBeenCalled();
  });
});

describe('5. correlation', () => {
  expectQuiet();

  it('knows a changed copy of an event', () => {
    const filter = compose(
      map((flow) => (flow.stage === 'rcpt' ? { ...flow, address: flow.address.toUpperCase() } : flow)),
      on('rcpt', ({ address }) => (address.startsWith('RCPT') ? reject(address) : undefined)),
    );
    const wire = atMail(filter);
    expect(wire.texts('rcpt')).toEqual(['550 5.7.1 RCPT@EXAMPLE.ORG']);
    expect(wire.say({ type: 'rcpt', address: '<x@example.org>', args: [] })).toEqual([GO]);
  });

  it('drops a reply that comes too late, and reports it', () => {
    const late = new Subject<Flow>();
    const kept: Flow[] = [];
    const wire = atMail((events) =>
      merge(late, events.pipe(keep((flow) => flow.stage !== 'rcpt' || kept.push(flow) === 0))),
    );
    wire.say('rcpt', 'abort', 'mail');
    wire.heard();
    const [rcpt] = kept;
    if (rcpt?.stage !== 'rcpt') throw new Error('there was none');
    late.next(answer(rcpt, reject()));
    expect(wire.heard()).toEqual([]);
    expect(wire.outcomes.at(-1)).toMatchObject({ stage: 'rcpt', decision: undefined });
    expect(wire.outcomes.at(-1)?.error).toBeInstanceOf(StaleReplyError);
    expect(errorsOf(wire).at(-1)).toMatch(/stage rcpt came when its event was over.*aborted/);
  });

  it('answers an event once, whatever is emitted for it', () => {
    const wire = atMail((events) =>
      events.pipe(
        mergeMap((flow) => (flow.stage === 'rcpt' ? of(flow, answer(flow, reject()), flow) : of(flow))),
      ),
    );
    expect(
      wire
        .say('rcpt')
        .filter(({ type }) => type !== 'optneg')
        .at(-1),
    ).toEqual(GO);
    expect(wire.say('rcpt')).toEqual([GO]);
    expect(errorsOf(wire)).toEqual([
      expect.stringMatching(/^StaleReplyError/),
      expect.stringMatching(/^StaleReplyError/),
    ]);
  });
});

describe('6. swallowed events', () => {
  expectQuiet();

  it('get the failure decision when their time is up, and are reported with stage and likely cause', () => {
    vi.useFakeTimers();
    const wire = atMail(compose(keep((flow) => flow.stage !== 'rcpt')), { timeouts: { reply: 1000 } });
    wire.heard();
    wire.say('rcpt');
    vi.advanceTimersByTime(999);
    expect(wire.heard()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(wire.heard()).toEqual([FAIL]);
    expect(wire.outcomes.at(-1)?.error).toBeInstanceOf(UnansweredError);
    expect(errorsOf(wire)).toEqual([
      expect.stringMatching(
        /^UnansweredError: The event at stage rcpt was not answered:.*filter, debounceTime, withLatestFrom/,
      ),
    ]);
    expect(wire.ended).toBe(false);
  });

  it('leave nothing behind of the project that was too slow', async () => {
    vi.useFakeTimers();
    const wire = atMail(
      on('rcpt', async () => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return reject();
      }),
      { timeouts: { reply: 100 } },
    );
    wire.say('rcpt');
    await vi.advanceTimersByTimeAsync(1000);
    expect(wire.heard()).toEqual([FAIL]);
    expect(errorsOf(wire)).toHaveLength(1);
  });
});

describe('7. the events of a session', () => {
  expectQuiet();

  it('can be subscribed to once', () => {
    const wire = atMail(compose());
    const errors: unknown[] = [];
    wire.session.events.subscribe({ error: (error: unknown) => errors.push(error) });
    expect(String(errors[0])).toMatch(/session\.events was subscribed to a second time\. .*share\(\)/);
    expect(wire.say('rcpt').at(-1)).toEqual(GO);
  });

  it('cannot be subscribed to without their sink', () => {
    const { session } = new Wire();
    const errors: unknown[] = [];
    session.events.subscribe({ error: (error: unknown) => errors.push(error) });
    expect(String(errors[0])).toMatch(/without its sink.*End the pipeline with sink\(session\)/);
  });

  it('have one sink', () => {
    const wire = atMail(compose());
    const errors: unknown[] = [];
    wire.session.events.pipe(sink(wire.session)).subscribe({ error: (error: unknown) => errors.push(error) });
    expect(String(errors[0])).toMatch(/sink\(session\) was subscribed to a second time/);
    expect(wire.say('rcpt').at(-1)).toEqual(GO);
  });
});
