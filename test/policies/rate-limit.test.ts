import { type Filter, discard, reject, tempfail, type Flow } from 'rxmilter';
import { memoryCounters, rateLimit } from 'rxmilter/policies';
import { connect, eoh, eom, header, mail, rcpt, session } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { BIT } from '../../src/session/stage.js';
import { run } from '../operators/support/drawn.js';
import { expectQuiet } from '../operators/support/quiet.js';
import { decided } from '../support/events.js';
import { marbles } from '../support/marbles.js';

const LATER = tempfail({
  code: 450,
  enhanced: '4.7.1',
  text: 'Too many in a short time, please try again later',
});
const HOUR = 3_600_000;

const from = (address: string, macros: Record<string, string> = {}): ReturnType<typeof mail> =>
  mail('alice@example.com', { session: session({ client: { address }, macros }) });

/** What becomes of events in a row: `y` passed, `n` was deferred with the usual reply, `?` is anything else. */
function fates(filter: Filter, events: readonly Flow[]): string {
  const { source, out } = run(filter);
  return events
    .map((event) => {
      source.next(event);
      const flow = out.at(-1);
      if (flow === event) return 'y';
      return flow?.stage === 'reply' && JSON.stringify(flow.decision) === JSON.stringify(LATER) ? 'n' : '?';
    })
    .join('');
}

describe('rateLimit', () => {
  expectQuiet();
  // The time of day stands still, so that no window ends in the middle of a test.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_123_456 }));
  afterEach(() => void vi.useRealTimers());

  it(
    'defers what is above the limit, until the window has moved on',
    marbles(({ hot, expectObservable }) => {
      const m = mail();
      const N = decided(m, LATER);
      const filter = rateLimit({ key: 'client', limit: 2, window: 1_000 });
      // Of the two at the end of a second, most count at the beginning of the next.
      expectObservable(hot('900ms m m m 197ms m m 898ms m', { m }).pipe(filter)).toBe(
        '                  900ms m m N 197ms m N 898ms m',
        { m, N },
      );
    }),
  );

  it('counts over all connections, and each client by itself', () => {
    const filter = rateLimit({ key: 'client', limit: 1, window: HOUR });
    expect(fates(filter, [from('192.0.2.1'), from('192.0.2.2'), from('192.0.2.1')])).toBe('yyn');
    expect(fates(filter, [from('192.0.2.2'), from('192.0.2.3')])).toBe('ny');
    const wide = rateLimit({ key: 'client', limit: 1, window: HOUR, network: { ipv4: 24 } });
    expect(fates(wide, [from('192.0.2.1'), from('192.0.2.2'), from('192.0.3.1')])).toBe('yny');
  });

  it('does not count what it defers, so that a sender that tries again and again still gets its share', () => {
    const counters = memoryCounters();
    const filter = rateLimit({ key: 'client', limit: 3, window: HOUR, counters });
    expect(fates(filter, Array<Flow>(9).fill(from('192.0.2.1')))).toBe('yyynnnnnn');
    expect(counters.hit('["mail client","192.0.2.1/32"]', HOUR)).toBe(4);
  });

  it('counts users who have logged in, and no other client', () => {
    const filter = rateLimit({ key: 'user', limit: 1, window: HOUR });
    const [alice, again] = [
      from('192.0.2.1', { auth_authen: 'alice' }),
      from('192.0.2.9', { auth_authen: 'Alice' }),
    ];
    const stranger = from('192.0.2.1');
    expect(fates(filter, [alice, again, stranger, stranger])).toBe('ynyy');
  });

  it('counts senders, but not the null sender, whom all bounces have', () => {
    const filter = rateLimit({ key: 'sender', limit: 1, window: HOUR });
    const events = [mail('a@b.test'), mail('A@B.test'), mail('c@b.test'), mail(''), mail('')];
    expect(fates(filter, events)).toBe('ynyyy');
  });

  it('counts recipients, by sender or by themselves, but not those that the MTA has rejected', () => {
    const r = (address: string, sender = 'a@b.test'): ReturnType<typeof rcpt> =>
      rcpt(address, { mail: mail(sender) });
    const bySender = rateLimit({ key: 'sender', stage: 'rcpt', limit: 2, window: HOUR });
    const rejected = { ...r('z@b.test'), rejected: { status: '5.1.1', text: '' } };
    expect(
      fates(bySender, [
        rejected,
        r('x@b.test'),
        rejected,
        r('y@b.test'),
        r('z@b.test'),
        r('z@b.test', 'o@b.test'),
      ]),
    ).toBe('yyyyny');
    const byRecipient = rateLimit({ key: 'recipient', limit: 1, window: HOUR });
    expect(fates(byRecipient, [r('x@b.test'), r('X@B.test'), r('y@b.test'), r('x@b.test', '')])).toBe('ynyn');
  });

  it('counts senders and recipients by their mailbox, however it is spelled', () => {
    const bySender = rateLimit({ key: 'sender', stage: 'eom', limit: 1, window: HOUR });
    expect(fates(bySender, [mail('a@b.test'), eom(), mail('"a"@B.test.'), eom()])).toBe('yyyn');
    const byRecipient = rateLimit({ key: 'recipient', limit: 1, window: HOUR });
    const spelled = ['@x.test:a@b.test', 'a(x)@b.test', '"a.b"@b.test', '"a b"@b.test'].map((one) =>
      rcpt(one),
    );
    expect(fates(byRecipient, spelled)).toBe('ynyy');
  });

  it('counts messages by their subject, at the end of the headers, however it is written', () => {
    const filter = rateLimit({ key: 'subject', limit: 1, window: HOUR });
    const message = (...headers: Flow[]): Flow[] => [mail(), ...headers, eoh()];
    expect(fates(filter, message(header('Subject', 'Buy  now'), header('From', 'x')))).toBe('yyyy');
    expect(fates(filter, message(header('SUBJECT', ' buy\n\tNOW '), header('Subject', 'other')))).toBe(
      'yyyn',
    );
    expect(fates(filter, message(header('Subject', 'Something else')))).toBe('yyy');
    expect(fates(filter, [...message(), ...message(), ...message(header('Subject', ' '))])).toBe('yyyyyyy');
    // What a message had is not the next one's.
    expect(fates(filter, [...message(header('Subject', 'Buy now')), ...message()])).toBe('yynyy');
  });

  it('remembers the sender where it counts messages at their end', () => {
    const filter = rateLimit({ key: 'sender', stage: 'eom', limit: 1, window: HOUR });
    expect(fates(filter, [mail('a@b.test'), eom(), mail('a@b.test'), eom(), mail('c@b.test'), eom()])).toBe(
      'yyynyy',
    );
  });

  it('counts by a key of its user, and not what has none', () => {
    const filter = rateLimit({
      key: ({ mail: { address }, params }) => ('NOTIFY' in params ? undefined : address.split('@')[1]),
      stage: 'rcpt',
      limit: 1,
      window: HOUR,
    });
    const r = (sender: string, ...args: string[]): Flow => rcpt('x@b.test', { mail: mail(sender), args });
    expect(fates(filter, [r('a@b.test'), r('c@b.test', 'NOTIFY=NEVER'), r('c@b.test'), r('c@d.test')])).toBe(
      'yyny',
    );
  });

  it('counts connections', () => {
    const filter = rateLimit({ key: 'client', stage: 'connect', limit: 1, window: HOUR });
    expect(fates(filter, [connect('192.0.2.1'), connect('192.0.2.2'), connect('192.0.2.1')])).toBe('yyn');
  });

  it('gives what is above the limit the decision of its user', () => {
    for (const decision of [reject('Enough'), discard()]) {
      const m = mail();
      const { source, out } = run(rateLimit({ key: 'client', limit: 0, window: HOUR, decision }));
      source.next(m);
      expect(out).toEqual([decided(m, decision)]);
    }
  });

  it('counts apart what several limits with the same counters count, unless they have one name', () => {
    const counters = memoryCounters();
    const limit = (name?: string): Filter =>
      rateLimit({ key: ({ address }) => address, limit: 1, window: HOUR, counters, name });
    const client = rateLimit({ key: 'client', limit: 1, window: HOUR, counters });
    expect([limit(), limit('own'), client, limit('own')].map((each) => fates(each, [mail()]))).toEqual([
      ...['y', 'y', 'y', 'n'],
    ]);
  });

  it('asks the MTA for what it needs and for nothing else', () => {
    const tags = (filter: Filter): object => tagsOf(stepsOf(filter));
    expect(tags(rateLimit({ key: 'client', limit: 1, window: 1 }))).toMatchObject({
      decides: BIT.mail,
      observes: 0,
    });
    expect(tags(rateLimit({ key: 'subject', limit: 1, window: 1 }))).toMatchObject({
      decides: BIT.eoh,
      observes: BIT.header,
    });
  });

  it.each([
    [{ limit: -1 }, 'rateLimit(): limit is -1; it has to be a whole number from 0 on.'],
    [{ limit: '5' }, "rateLimit(): limit is '5'; it has to be a whole number from 0 on."],
    [{ window: 0 }, 'rateLimit(): window is 0; it has to be a number of milliseconds from 1 on.'],
    [{ key: 'subjekt' }, "Did you mean 'subject'?"],
    [
      { key: 'subject', stage: 'mail' },
      'rateLimit(): the key subject cannot be counted at stage mail. Use eoh, eom, or a function as key.',
    ],
    [{ stage: 'rctp' }, "rateLimit(): stage is 'rctp'"],
    [
      { counters: {} },
      'rateLimit(): counters is {}; it has to be counters with a function hit, such as memoryCounters()',
    ],
    [{ stage: 'connect', decision: discard() }, 'discard() is not legal at stage connect.'],
    [{ away: 'fail' }, "rateLimit(): away is 'fail'; it has to be 'pass' or 'tempfail' or a decision"],
    [
      { network: { ipv6: 200 } },
      'rateLimit(): network.ipv6 is 200; it has to be a whole number from 0 to 128.',
    ],
  ])('refuses %o', (options, message) => {
    expect(() => rateLimit({ key: 'client', limit: 1, window: HOUR, ...(options as object) })).toThrow(
      message,
    );
  });

  it('keeps the usual size of an IPv4 network where only that of an IPv6 one is given', () => {
    const filter = rateLimit({ key: 'client', limit: 1, window: HOUR, network: { ipv6: 56 } });
    expect(fates(filter, [from('192.0.2.1'), from('192.0.2.2')])).toBe('yy');
  });

  it('counts no user whose name is empty', () => {
    const filter = rateLimit({ key: 'user', limit: 1, window: HOUR });
    const unnamed = from('192.0.2.1', { auth_authen: '' });
    expect(fates(filter, [unnamed, unnamed])).toBe('yy');
  });

  it('never takes a part of what a stranger writes for that of a name', () => {
    const counters = memoryCounters();
    const limit = { limit: 1, window: HOUR, counters };
    const one = rateLimit({ ...limit, name: 'of', key: ({ address }) => address });
    const other = rateLimit({ ...limit, name: 'of all', key: ({ address }) => address });
    expect(fates(one, [mail('all x')])).toBe('y');
    expect(fates(other, [mail('x')])).toBe('y');
  });

  it('costs an event the failure decision where the key is wrong', () => {
    const m = mail();
    const { source, out } = run(rateLimit({ key: () => ({}) as never, limit: 1, window: HOUR }));
    source.next(m);
    expect(out).toEqual([decided(m, tempfail())]);
  });
});
