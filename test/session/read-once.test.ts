import { Observable, of, switchMap, timer } from 'rxjs';
import { addRecipient, compose, on, onMessage, replaceBody, strictestOf, type Filter } from 'rxmilter';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { frame, said } from '../support/session-frames.js';
import { opened } from '../support/session-link.js';

/** Gives one value after the other, the last one again and again, and counts how often it was asked. */
function changing<T>(...values: readonly T[]): { read: () => T; times: () => number } {
  let times = 0;
  return { read: () => values[Math.min(times++, values.length - 1)] as T, times: () => times };
}

/** An array whose first element is another one each time. */
function changingArray(...values: readonly string[]): readonly string[] {
  const first = changing(...values);
  return new Proxy(['unread'], {
    get: (target, key, self) => (key === '0' ? first.read() : (Reflect.get(target, key, self) as unknown)),
  });
}

describe('an answer that was made by hand', () => {
  it('is written as the reply that was checked, whatever its parts say later', () => {
    const code = changing<unknown>(550, '250 OK\r\n550');
    const enhanced = changing<unknown>('5.7.1', '5.7.1\r\n');
    const lines = changing<unknown>(changingArray('no', 'no\r\n250 yes'), ['no\r\n250 yes']);
    const reply = {
      get code() {
        return code.read();
      },
      get enhanced() {
        return enhanced.read();
      },
      get lines() {
        return lines.read();
      },
    };
    const mta = opened(on('eom', () => ({ kind: 'reject', reply }) as never));
    expect(mta.ask('C26')).toEqual(said(frame('y', '550 5.7.1 no\0')));
    expect([code, enhanced, lines].map(({ times }) => times())).toEqual([1, 1, 1]);
    expect(mta.errors).toEqual([]);
  });

  it('has the arguments that were checked', () => {
    const args = (): readonly string[] => changingArray('NOTIFY=NEVER', 'NOTIFY=NEVER\0evil');
    for (const recipient of [
      () => ({ kind: 'addRecipient', address: 'a@b.test', args: args() }) as never,
      () => addRecipient('a@b.test', args()),
    ]) {
      const mta = opened(on('eom', recipient));
      expect(mta.ask('C26')).toEqual(said(frame('2', '<a@b.test>\0NOTIFY=NEVER\0'), 'R03'));
    }
  });

  it('has an edit that is read once', () => {
    const header = { kind: 'addHeader', name: 'X-Once', value: 'yes' };
    const modifications = changing<unknown>([header], [header, header]);
    const made = {
      kind: 'edit',
      replaces: [],
      get modifications() {
        return modifications.read();
      },
    };
    const mta = opened(on('eom', () => made as never));
    expect(mta.ask('C26')).toEqual(said(frame('h', 'X-Once\0yes\0'), 'R03'));
    expect(modifications.times()).toBe(1);
  });

  it.each([
    ['reply', { kind: 'reject', reply: 'no' }],
    ['reply', { kind: 'reject', reply: { code: 550, lines: { length: 1, 0: 'no' } } }],
    ['enhanced', { kind: 'tempfail', reply: { code: 451, enhanced: ['4.7.1'], lines: ['no'] } }],
    ['edit', { kind: 'edit', modifications: {}, replaces: [] }],
  ])('and is none costs the message: %s', (_what, made) => {
    const mta = opened(on('eom', () => made as never));
    expect(mta.ask('C26')).toEqual(said('R06'));
    expect(mta.errors).toHaveLength(1);
  });
});

describe('answers and bodies that never end and never wait', () => {
  const forever = function* (): Generator<undefined> {
    for (;;) yield undefined;
  };
  const pieces = function* (): Generator<string> {
    for (;;) yield '';
  };
  // eslint-disable-next-line @typescript-eslint/require-await
  const later = async function* <T>(rows: Iterable<T>): AsyncGenerator<T> {
    yield* rows;
  };

  it.each<[string, Filter]>([
    ['a generator', on('eom', () => forever())],
    ['an async generator', on('eom', () => later(forever()))],
    ['a promise of a generator', on('eom', () => Promise.resolve(forever()) as never)],
    ['a body of nothing', on('eom', () => replaceBody({ [Symbol.iterator]: pieces }))],
    ['a body of nothing, asynchronously', on('eom', () => replaceBody(later(pieces())))],
    [
      'a body that a later filter reads',
      compose(
        on('eom', () => replaceBody(later(pieces()))),
        onMessage(() => undefined),
      ),
    ],
  ])('end at the deadline, and hold up nothing else: %s', { timeout: 30_000 }, async (_what, filter) => {
    const mta = opened(filter, { timeouts: { eom: 300 } });
    const ticks = vi.fn();
    const clock = setInterval(ticks, 20);
    mta.send('C26');
    await vi.waitFor(() => expect(mta.heard()).toEqual(said('R06')), { timeout: 20_000 });
    clearInterval(clock);
    expect(ticks.mock.calls.length).toBeGreaterThan(1);
    expect(mta.errors).toMatchObject([{ message: expect.stringContaining('its time is up') }]);
    expect(mta.ask('C29')).toEqual([]);
  });

  const endless = new Observable<undefined>((subscriber) => {
    while (!subscriber.closed) subscriber.next(undefined);
  });

  it.each<[string, Filter]>([
    ['an Observable', on('eom', () => endless)],
    ['one that begins later', on('eom', () => timer(1).pipe(switchMap(() => endless)))],
    ['generators within an Observable', on('eom', () => of(forever()) as never)],
    ['a check of strictestOf()', on('eom', () => strictestOf([endless]))],
  ])(
    'fail after some seconds where they cannot be interrupted: %s',
    { timeout: 30_000 },
    async (_what, filter) => {
      // The clock goes by half a second each time that it is read.
      let now = 0;
      const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 500));
      onTestFinished(() => clock.mockRestore());
      const mta = opened(filter);
      mta.send('C26');
      await vi.waitFor(() => expect(mta.heard()).toEqual(said('R06')), { timeout: 20_000 });
      expect(mta.errors).toMatchObject([{ message: expect.stringMatching(/two seconds without a pause/) }]);
    },
  );

  it('may be many all the same', { timeout: 30_000 }, async () => {
    const many = function* (): Generator<undefined | ReturnType<typeof addRecipient>> {
      for (let count = 0; count < 3_000_000; count++) yield undefined;
      yield addRecipient('a@b.test');
    };
    const mta = opened(on('eom', many));
    mta.send('C26');
    await vi.waitFor(() => expect(mta.heard()).toEqual(said(frame('+', '<a@b.test>\0'), 'R03')), {
      timeout: 20_000,
    });
  });
});
