import { NEVER, Observable, delay, map, mergeMap, of, timer } from 'rxjs';
import {
  compose,
  on,
  answer,
  accept,
  allow,
  reject,
  tempfail,
  StaleReplyError,
  UnansweredError,
  addHeader,
} from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { frame, said } from '../support/session-frames.js';
import { type Link, opened } from '../support/session-link.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const ENDS: readonly [string, (mta: Link) => void][] = [
  ['ABORT', (mta) => mta.send('C28')],
  ['QUIT', (mta) => mta.send('C29')],
  ['QUIT_NC', (mta) => mta.send('C30')],
  ['the end of the stream', (mta) => mta.connection.eof()],
  ['a lost connection', (mta) => mta.connection.eof(new Error('reset'))],
  ['the end of the pipeline', (mta) => mta.subscription.unsubscribe()],
  ['broken bytes', (mta) => mta.send(Buffer.alloc(4))],
];

describe('a decision that is pending', () => {
  it.each(ENDS)('is cancelled by %s: its signal is aborted', async (_what, end) => {
    let signal: AbortSignal | undefined;
    const mta = opened(
      on('rcpt', (_event, context) => {
        signal = context.signal;
        return new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1000));
      }),
    );
    mta.send('C12', 'C16');
    mta.heard();
    expect(signal?.aborted).toBe(false);
    end(mta);
    expect(signal?.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(mta.heard()).toEqual([]);
    expect(mta.errors.filter((error) => error instanceof UnansweredError)).toEqual([]);
  });

  it.each(ENDS)('is cancelled by %s: its Observable is unsubscribed', (_what, end) => {
    let unsubscribed = 0;
    const mta = opened(on('rcpt', () => new Observable<never>(() => () => unsubscribed++)));
    mta.send('C12', 'C16');
    expect(unsubscribed).toBe(0);
    end(mta);
    expect(unsubscribed).toBe(1);
  });

  it.each(ENDS)('is cancelled by %s: its generator is finished', async (_what, end) => {
    const steps: string[] = [];
    const mta = opened(
      on('rcpt', async function* () {
        try {
          await new Promise((resolve) => setTimeout(resolve, 100));
          steps.push('waited');
          yield undefined;
          steps.push('went on');
          yield reject();
        } finally {
          steps.push('finally');
        }
      }),
    );
    mta.send('C12', 'C16');
    mta.heard();
    end(mta);
    await vi.advanceTimersByTimeAsync(1000);
    expect(steps).toEqual(['waited', 'finally']);
    expect(mta.heard()).toEqual([]);
  });

  it('is not waited for: what comes after ABORT is answered at once', () => {
    const mta = opened(on(['mail', 'rcpt'], ({ stage }) => (stage === 'rcpt' ? NEVER : undefined)));
    mta.send('C12', 'C16');
    mta.heard();
    expect(mta.ask('C28', 'C12')).toEqual(said('R03'));
  });

  it('is waited for by all but ABORT, QUIT and QUIT_NC, in order', async () => {
    const mta = opened(
      on(['mail', 'rcpt', 'data'], ({ stage }) =>
        stage === 'rcpt' ? timer(100).pipe(map(() => reject())) : undefined,
      ),
    );
    expect(mta.ask('C12', 'C16', 'C18', 'C12')).toEqual(said('R03'));
    await vi.advanceTimersByTimeAsync(100);
    expect(mta.heard()).toEqual(said('R05', 'R03', 'R03'));
  });

  it('drops with it what the MTA has sent ahead', async () => {
    const seen: string[] = [];
    const mta = opened(
      on(['mail', 'data'], ({ stage }) => (seen.push(stage), timer(100).pipe(map(() => allow())))),
    );
    mta.send('C12', 'C18', 'C18', 'C28');
    await vi.advanceTimersByTimeAsync(1000);
    expect(seen).toEqual(['mail']);
    expect(mta.heard()).toEqual([]);
  });

  it('is cancelled before the abort is told', () => {
    const steps: string[] = [];
    const mta = opened(
      compose(
        on('rcpt', () => new Observable<never>(() => () => void steps.push('unsubscribed'))),
        (source) => source.pipe(map((flow) => (flow.stage === 'abort' && steps.push('abort'), flow))),
      ),
    );
    mta.send('C12', 'C16', 'C28');
    expect(steps).toEqual(['unsubscribed', 'abort']);
  });
});

describe('a reply that comes too late', () => {
  // An operator of one's own is not cancelled by anybody.
  function late(): Link {
    return opened((source) =>
      source.pipe(
        mergeMap((flow) => (flow.stage === 'rcpt' ? of(answer(flow, reject())).pipe(delay(100)) : of(flow))),
      ),
    );
  }

  it('after an abort is dropped and reported', async () => {
    const mta = late();
    mta.send('C12', 'C16', 'C28', 'C12');
    mta.heard();
    await vi.advanceTimersByTimeAsync(100);
    expect(mta.heard()).toEqual([]);
    const { error, ...outcome } = mta.outcomes.at(-1) ?? {};
    expect(error).toBeInstanceOf(StaleReplyError);
    expect(error).toMatchObject({ stage: 'rcpt', message: expect.stringContaining('aborted') });
    expect(outcome).toMatchObject({ stage: 'rcpt', decision: undefined, modifications: [] });
  });

  it('after its deadline is dropped and reported, and is no answer to the next event', async () => {
    const mta = opened(
      (source) =>
        source.pipe(
          mergeMap((flow) =>
            flow.stage === 'rcpt' ? of(answer(flow, reject())).pipe(delay(100)) : of(flow),
          ),
        ),
      { timeouts: { reply: 60 } },
    );
    mta.send('C12', 'C16');
    mta.heard();
    await vi.advanceTimersByTimeAsync(60);
    expect(mta.heard()).toEqual(said('R06'));
    mta.send('C16');
    await vi.advanceTimersByTimeAsync(50);
    expect(mta.heard()).toEqual([]);
    expect(mta.errors.at(-1)).toBeInstanceOf(StaleReplyError);
    await vi.advanceTimersByTimeAsync(10);
    expect(mta.heard()).toEqual(said('R06'));
  });

  it('after another one is dropped and reported', () => {
    const mta = opened((source) =>
      source.pipe(
        mergeMap((flow) =>
          flow.stage === 'rcpt' ? of(answer(flow, tempfail()), answer(flow, reject())) : of(flow),
        ),
      ),
    );
    mta.send('C12');
    mta.heard();
    expect(mta.ask('C16')).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(StaleReplyError)]);
    expect(mta.ask('C18')).toEqual(said('R03'));
  });

  it('to a stage that the MTA does not wait at is dropped and reported', () => {
    const mta = opened(
      on('rcpt', () => reject()),
      {
        negotiate: (_offer, terms) => ({ ...terms, protocol: terms.protocol | 0x8000 }),
      },
    );
    mta.send('C12');
    mta.heard();
    expect(mta.ask('C16')).toEqual([]);
    expect(mta.errors).toEqual([expect.any(StaleReplyError)]);
    expect(mta.errors[0]?.message).toMatch(/does not wait at this stage/);
  });

  it('to an event that no connection made is dropped and reported', () => {
    const mta = opened((source) =>
      source.pipe(
        map((flow) =>
          flow.stage === 'rcpt' ? answer({ stage: 'data', session: flow.session }, reject()) : flow,
        ),
      ),
    );
    mta.send('C12');
    mta.heard();
    expect(mta.ask('C16')).toEqual([]);
    expect(mta.errors[0]?.message).toMatch(/no connection made/);
  });

  it('that was passed on undecided is dropped without a word', async () => {
    const mta = opened((source) =>
      source.pipe(mergeMap((flow) => (flow.stage === 'rcpt' ? of(flow).pipe(delay(100)) : of(flow)))),
    );
    mta.send('C12', 'C16', 'C28');
    mta.heard();
    await vi.advanceTimersByTimeAsync(1000);
    expect(mta.heard()).toEqual([]);
    expect(mta.errors).toEqual([]);
  });
});

describe('the deadline', () => {
  it('gives an event that nobody answers the failure decision, and names the stage and the likely cause', async () => {
    const mta = opened(on('rcpt', () => NEVER));
    mta.send('C12', 'C16');
    mta.heard();
    await vi.advanceTimersByTimeAsync(7_999);
    expect(mta.heard()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(UnansweredError)]);
    expect(mta.errors[0]).toMatchObject({ stage: 'rcpt', message: expect.stringMatching(/rcpt.*swallowed/) });
    expect(mta.ask('C18')).toEqual(said('R03'));
  });

  it('finds an event that an operator has swallowed', async () => {
    const mta = opened((source) => source.pipe(mergeMap((flow) => (flow.stage === 'rcpt' ? [] : [flow]))));
    mta.send('C12', 'C16');
    mta.heard();
    await vi.advanceTimersByTimeAsync(8_000);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(UnansweredError)]);
  });

  it('cancels what still runs', async () => {
    let signal: AbortSignal | undefined;
    const mta = opened(
      on('rcpt', (_event, context) => {
        signal = context.signal;
        return NEVER;
      }),
    );
    mta.send('C16');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(signal?.aborted).toBe(true);
  });

  it('is another one at the end of the message', async () => {
    const mta = opened(
      on(['rcpt', 'eom'], () => NEVER),
      { timeouts: { reply: 100, eom: 300, progress: 1000 } },
    );
    mta.send('C16');
    await vi.advanceTimersByTimeAsync(100);
    expect(mta.heard()).toEqual(said('R06'));
    mta.send('C26');
    await vi.advanceTimersByTimeAsync(299);
    expect(mta.heard()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(mta.heard()).toEqual(said('R06'));
  });

  it('is one for a whole body frame, however many parts it came in', async () => {
    const mta = opened(on('body', () => timer(5_000).pipe(map(() => undefined))));
    const bytes = frame('B', 'in three parts');
    for (const [from, to] of [
      [0, 8],
      [8, 12],
      [12, bytes.length],
    ] as const) {
      mta.send(bytes.subarray(from, to));
    }
    await vi.advanceTimersByTimeAsync(7_999);
    expect(mta.heard()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(UnansweredError)]);
    mta.send('C11', 'C12');
    expect(mta.heard()).toEqual(said('R03'));
  });

  it('is over for the whole of a body frame where failures let it pass', async () => {
    const mta = opened(
      on('body', () => NEVER),
      { failure: allow() },
    );
    const bytes = frame('B', 'in two parts');
    mta.send(bytes.subarray(0, 8));
    mta.send(bytes.subarray(8));
    await vi.advanceTimersByTimeAsync(8_000);
    expect(mta.heard()).toEqual(said('R03'));
    mta.send(frame('B', 'the next'));
    await vi.advanceTimersByTimeAsync(7_999);
    expect(mta.heard()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(mta.heard()).toEqual(said('R03'));
  });

  it('begins anew with each event', async () => {
    const mta = opened(on('rcpt', () => timer(7_000).pipe(map(() => reject()))));
    for (let count = 0; count < 3; count++) {
      mta.send('C16');
      await vi.advanceTimersByTimeAsync(7_000);
      expect(mta.heard()).toEqual(said('R05'));
    }
    expect(mta.errors).toEqual([]);
  });

  it.each([
    ['accept', accept(), 'R04'],
    ['reject', reject(), 'R05'],
    ['allow', allow(), 'R03'],
    ['tempfail with words', tempfail({ code: 451, enhanced: '4.7.1', text: '100% full, retry' }), 'R12'],
  ] as const)('gives what is configured as the failure decision: %s', async (_what, failure, id) => {
    const mta = opened(
      on('rcpt', () => NEVER),
      { failure },
    );
    mta.send('C16');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(mta.heard()).toEqual(said(id));
  });

  it('passes an unknown command on where failures are accepted: accepting it there means nothing', async () => {
    const mta = opened(
      on('unknown', () => NEVER),
      { failure: accept() },
    );
    mta.send('C31');
    await vi.advanceTimersByTimeAsync(8_000);
    expect(mta.heard()).toEqual(said('R03'));
  });

  it('leaves no timer behind once all is answered', () => {
    const mta = opened(on(['rcpt', 'eom'], () => of(accept()).pipe(delay(1))));
    mta.send('C26');
    vi.advanceTimersByTime(1);
    expect(mta.heard()).toEqual(said('R04'));
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(ENDS)('leaves no timer behind after %s', (_what, end) => {
    const mta = opened(on(['rcpt', 'eom'], () => NEVER));
    mta.send('C26');
    end(mta);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('signs of life', () => {
  it('are sent at the end of the message, at the interval, each by itself', async () => {
    const mta = opened(on('eom', () => timer(16_000).pipe(map(() => accept()))));
    mta.send('C26');
    for (const at of [5, 10, 15]) {
      await vi.advanceTimersByTimeAsync(4_999);
      expect(mta.heard(), `before ${at} s`).toEqual([]);
      await vi.advanceTimersByTimeAsync(1);
      expect(mta.heard(), `at ${at} s`).toEqual(said('R09'));
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(mta.heard()).toEqual(said('R04'));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(mta.heard()).toEqual([]);
  });

  it.each([
    ['connect', 'C03'],
    ['rcpt', 'C16'],
    ['data', 'C18'],
    ['header', 'C19'],
    ['body', 'C25'],
    ['unknown', 'C31'],
  ] as const)('are not sent elsewhere: %s', async (stage, id) => {
    const mta = opened(
      on(stage, () => NEVER),
      { timeouts: { progress: 10 } },
    );
    mta.send(id);
    mta.heard();
    await vi.advanceTimersByTimeAsync(7_999);
    expect(mta.heard()).toEqual([]);
  });

  it('come in the configured interval', async () => {
    const mta = opened(
      on('eom', () => NEVER),
      { timeouts: { progress: 10, eom: 35 } },
    );
    mta.send('C26');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(mta.heard()).toEqual(said('R09', 'R09', 'R09', 'R06'));
  });
});

describe('what fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['errors', () => new Observable<never>((subscriber) => subscriber.error(new Error('broken')))],
    [
      'throws in a generator',
      function* () {
        throw new Error('broken');
      },
    ],
    ['errors with what is no error', () => new Observable<never>((subscriber) => subscriber.error('broken'))],
  ])('costs its event only, where it %s', async (_how, project) => {
    const mta = opened(on('rcpt', project as unknown as () => undefined));
    mta.send('C12', 'C16');
    await vi.advanceTimersByTimeAsync(0);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.outcomes.at(-1)).toMatchObject({
      stage: 'rcpt',
      decision: tempfail(),
      error: { name: 'ProjectError', stage: 'rcpt', message: expect.stringContaining('broken') },
    });
    expect(mta.ask('C18')).toEqual(said('R03'));
    expect(mta.io.state).toBe('open');
  });

  it('has no modifications', async () => {
    const mta = opened(
      compose(
        on('eom', () => addHeader('X-Test', 'yes')),
        on('eom', () => Promise.reject(new Error('broken'))),
      ),
      { failure: accept() },
    );
    mta.send('C26');
    await vi.advanceTimersByTimeAsync(0);
    expect(mta.heard()).toEqual(said('R04'));
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'reject'],
    ['an object of its own', { stage: 'reply' }],
    ['a reply without a decision', { stage: 'reply', to: {} }],
  ])(
    "is an operator of one's own that emits %s: the event gets the failure decision, the process lives",
    async (_what, value) => {
      const mta = opened((source) =>
        source.pipe(map((flow) => (flow.stage === 'rcpt' ? (value as never) : flow))),
      );
      mta.send('C12');
      mta.heard();
      mta.send('C16');
      await vi.advanceTimersByTimeAsync(8_000);
      expect(mta.heard()).toEqual(said('R06'));
      expect(mta.errors.length).toBeGreaterThan(0);
    },
  );
});
