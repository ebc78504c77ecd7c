import { EMPTY } from 'rxjs';
import { tempfail, type Flow, type Reply } from 'rxmilter';
import { type GreylistOptions, greylist, memoryKeys } from 'rxmilter/policies';
import { mail, rcpt, session, type SessionFields } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { causeOf } from '../../src/session/failures.js';
import { BIT } from '../../src/session/stage.js';
import { run, settle } from '../operators/support/drawn.js';
import { expectQuiet } from '../operators/support/quiet.js';
import { decided } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { fakeClock } from './support/fake-clock.js';

const later = (seconds: number): ReturnType<typeof tempfail> =>
  tempfail({
    code: 451,
    enhanced: '4.7.1',
    text: `Greylisted, please try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`,
  });

/** A recipient of a message, from wherever. */
function to(
  address: string,
  from = 'alice@example.com',
  fields: SessionFields = {},
): ReturnType<typeof rcpt> {
  const info = session(fields);
  return rcpt(address, { session: info, mail: mail(from, { session: info }) });
}

/** What becomes of one recipient at a time, at times of the test's choice. */
function asking(options: GreylistOptions = {}): (now: number, event?: Flow) => 'waits' | 'passes' | Flow[] {
  const clock = fakeClock(0);
  const running = run(greylist({ store: memoryKeys(clock), ...options }));
  return (now, event = to('bob@example.org')) => {
    clock.now = now;
    running.out.length = 0;
    running.source.next(event);
    const [flow] = running.out;
    if (flow === event) return 'passes';
    return flow?.stage === 'reply' && flow.decision.kind === 'tempfail' ? 'waits' : [...running.out];
  };
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

describe('greylist', () => {
  expectQuiet();

  it(
    'defers a first attempt, says how long, and lets one pass that comes after that',
    marbles(({ hot, expectObservable }) => {
      const r = to('bob@example.org');
      const source = hot('   r 999ms r 58999ms r 239999ms r 10s r', { r });
      const expected = '     A 999ms B 58999ms C 239999ms r 10s r';
      expectObservable(source.pipe(greylist())).toBe(expected, {
        r,
        A: decided(r, later(300)),
        B: decided(r, later(299)),
        C: decided(r, later(240)),
      });
    }),
  );

  it(
    'counts whole seconds up, so that who comes when he was told to passes',
    marbles(({ hot, expectObservable }) => {
      const r = to('bob@example.org');
      const A = decided(r, later(2));
      const B = decided(r, later(1));
      expectObservable(hot('r 500ms r 998ms r', { r }).pipe(greylist({ delay: 1_500 }))).toBe(
        'A 500ms B 998ms r',
        { r, A, B },
      );
    }),
  );

  it('makes a first attempt of one that comes after the window', () => {
    const ask = asking();
    expect([ask(0), ask(2 * DAY), ask(2 * DAY + 5 * MINUTE)]).toEqual(['waits', 'waits', 'passes']);
  });

  it('knows who has passed for its lifetime from the last time on', () => {
    const ask = asking({ lifetime: 10 * DAY });
    const times = [0, 5 * MINUTE, 9 * DAY, 18 * DAY, 28 * DAY];
    expect(times.map((now) => ask(now))).toEqual(['waits', 'passes', 'passes', 'passes', 'waits']);
  });

  it('takes clients of one network for one, and no others', () => {
    const ask = asking();
    const of = (address: string, family: 'inet' | 'inet6' = 'inet'): Flow =>
      to('bob@example.org', 'alice@example.com', { client: { address, family } });
    ask(0, of('192.0.2.1'));
    ask(0, of('2001:db8::1', 'inet6'));
    const known = [of('192.0.2.254'), of('2001:db8::ffff', 'inet6'), of('::ffff:192.0.2.9', 'inet6')];
    const others = [of('192.0.3.1'), of('2001:db8:0:1::1', 'inet6')];
    expect(known.map((event) => ask(5 * MINUTE, event))).toEqual(['passes', 'passes', 'passes']);
    expect(others.map((event) => ask(5 * MINUTE, event))).toEqual(['waits', 'waits']);
    const narrow = asking({ network: { ipv4: 32 } });
    narrow(0, of('192.0.2.1'));
    expect(narrow(5 * MINUTE, of('192.0.2.2'))).toBe('waits');
  });

  it('asks for the same sender and recipient, whatever the case of their letters', () => {
    const ask = asking();
    ask(0);
    expect(ask(5 * MINUTE, to('BOB@Example.org', 'Alice@example.COM'))).toBe('passes');
    expect(ask(5 * MINUTE, to('bob@example.org', 'eve@example.com'))).toBe('waits');
    expect(ask(5 * MINUTE, to('carol@example.org'))).toBe('waits');
    // Two parts that were written in a row would be the same here.
    ask(0, to('b"@x', 'a","c'));
    expect(ask(5 * MINUTE, to('c","b"@x', 'a'))).toBe('waits');
  });

  it('asks for the same sender and recipient, however they are spelled', () => {
    const ask = asking();
    ask(0, to('"bob"@example.org', '@relay.example:alice@example.com'));
    expect(ask(5 * MINUTE, to('bob@example.org.', 'alice%example.com'))).toBe('passes');
    expect(ask(5 * MINUTE, to('"b ob"@example.org', 'alice@example.com'))).toBe('waits');
  });

  it('goes by a key of its user, and lets those pass that have none', () => {
    const ask = asking({
      key: ({ mail: { address } }) => (address === 'vip@example.com' ? undefined : address),
    });
    ask(0);
    expect(ask(5 * MINUTE, to('carol@example.org'))).toBe('passes');
    expect(ask(0, to('bob@example.org', 'vip@example.com'))).toBe('passes');
  });

  it('lets those pass who have logged in, and recipients that the MTA has rejected', () => {
    const ask = asking();
    expect(ask(0, to('bob@example.org', 'alice@example.com', { macros: { auth_authen: 'alice' } }))).toBe(
      'passes',
    );
    expect(ask(0, { ...to('bob@example.org'), rejected: { status: '5.1.1', text: 'No' } })).toBe('passes');
    // Neither has left an attempt behind.
    expect(ask(5 * MINUTE)).toBe('waits');
  });

  it.each([
    ['at once', () => EMPTY],
    ['later', () => Promise.resolve(EMPTY)],
  ])('lets no client pass for an object that exempt gives %s', async (_when, exempt) => {
    const running = run(greylist({ exempt: exempt as never }));
    running.source.next(to('bob@example.org'));
    await settle();
    const [flow] = running.out;
    expect(flow).toMatchObject({ stage: 'reply', decision: { kind: 'tempfail' } });
    expect(causeOf(flow as Reply)).toMatchObject({
      cause: expect.objectContaining({
        message: expect.stringMatching(/^greylist\(\): exempt gave an object/),
      }),
    });
  });

  it('lets those pass that are exempt, also where that is known only later', async () => {
    const exempt = ({ address }: { address: string }): boolean => address.startsWith('postmaster@');
    const ask = asking({ exempt });
    expect(ask(0, to('postmaster@example.org'))).toBe('passes');
    expect(ask(0)).toBe('waits');
    const running = run(greylist({ exempt: (event) => Promise.resolve(exempt(event)) }));
    const p = to('postmaster@example.org');
    running.source.next(p);
    await settle();
    expect(running.out).toEqual([p]);
    const r = to('bob@example.org');
    running.source.next(r);
    await settle();
    expect(running.out[1]).toEqual(decided(r, later(300)));
  });

  it('lets the null sender wait like all, or pass, as it is told', () => {
    const bounce = to('bob@example.org', '');
    expect(asking()(0, bounce)).toBe('waits');
    expect(asking({ nullSender: 'pass' })(0, bounce)).toBe('passes');
    expect(asking({ nullSender: 'pass' })(0)).toBe('waits');
  });

  it('says it in the words of its user', () => {
    const r = to('bob@example.org');
    const flows = asking({ text: (seconds) => `Wait for ${seconds / 60} minutes` });
    expect(flows(0, r)).toBe('waits');
    const running = run(greylist({ text: (seconds) => `Wait for ${seconds / 60} minutes` }));
    running.source.next(r);
    expect(running.out).toEqual([
      decided(r, tempfail({ code: 451, enhanced: '4.7.1', text: 'Wait for 5 minutes' })),
    ]);
  });

  it('is one for two workers with one store that see the first attempt at the same time', async () => {
    const clock = fakeClock(0);
    const memory = memoryKeys(clock);
    const store: typeof memory = {
      ...memory,
      attempt: (key, times) => Promise.resolve(memory.attempt(key, times)) as never,
    };
    const workers = [run(greylist({ store })), run(greylist({ store }))];
    const r = to('bob@example.org');
    for (const { source } of workers) source.next(r);
    await settle();
    for (const { out } of workers) expect(out).toEqual([decided(r, later(300))]);
    clock.now = 5 * MINUTE;
    for (const { source } of workers) source.next(r);
    await settle();
    for (const { out } of workers) expect(out[1]).toBe(r);
  });

  it('decides recipients, and asks the MTA for nothing else', () => {
    expect(tagsOf(stepsOf(greylist()))).toMatchObject({ decides: BIT.rcpt, observes: 0 });
  });

  it.each([
    [{ delay: -1 }, 'greylist(): delay is -1; it has to be a number of milliseconds from 0 on.'],
    [
      { delay: 10, window: 10 },
      'greylist(): window is 10, which is not above delay, 10: a sender that waits would be forgotten before it passes.',
    ],
    [{ lifetime: 0 }, 'greylist(): lifetime is 0; it has to be a number of milliseconds from 1 on.'],
    [{ network: { ipv4: 64 } }, 'greylist(): network.ipv4 is 64; it has to be a whole number from 0 to 32.'],
    [
      { store: {} as never },
      'greylist(): store is {}; it has to be a store with a function attempt, such as memoryKeys() or redisKeys(client).',
    ],
    [{ nullSender: 'no' as never }, "greylist(): nullSender is 'no'; it has to be one of 'wait', 'pass'."],
    [
      { away: 'accept' as never },
      `greylist(): away is 'accept'; it has to be 'pass' or 'tempfail' or a decision: what tempfail(), reject(), accept() or allow() make. Write accept(), without quotation marks.`,
    ],
  ])('refuses %o', (options: GreylistOptions, message) => {
    expect(() => greylist(options)).toThrow(message);
  });

  it('lets no client pass for a user name that is empty', () => {
    const ask = asking();
    const unnamed = to('bob@example.org', 'alice@example.com', { macros: { auth_authen: '' } });
    expect(ask(0, unnamed)).toBe('waits');
  });

  it('costs a recipient the failure decision where the key is wrong', () => {
    const running = run(greylist({ key: () => 5 as never }));
    const r = to('bob@example.org');
    running.source.next(r);
    expect(running.out).toEqual([decided(r, tempfail())]);
  });
});
