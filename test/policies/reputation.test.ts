import {
  compose,
  discard,
  on,
  reject,
  serve,
  tempfail,
  type Filter,
  type Flow,
  type MessageOutcome,
  type SessionInfo,
} from 'rxmilter';
import { deliver, type ClientMail } from 'rxmilter/mta';
import { memoryScores, type Reputation, reputation } from 'rxmilter/policies';
import { type Simulation, connect, mail, session, simulate } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { BIT } from '../../src/session/stage.js';
import { run } from '../operators/support/drawn.js';
import { expectQuiet } from '../operators/support/quiet.js';
import { decided } from '../support/events.js';
import { marbles } from '../support/marbles.js';
import { messageOutcome, recipientOutcome } from './support/message-outcome.js';

const HOUR = 3_600_000;
/** The end of a message about which nothing was decided. */
const PASSED = { result: 'accepted', stage: undefined, decision: undefined } as const;
const LATER = tempfail({
  code: 450,
  enhanced: '4.7.1',
  text: 'Too much was refused lately, please try again later',
});

const of = (address: string, macros: Record<string, string> = {}): SessionInfo =>
  session({ client: { address }, macros });
const from = (address: string, macros: Record<string, string> = {}): ReturnType<typeof mail> =>
  mail('alice@example.com', { session: of(address, macros) });

/** Whether mail of the client passes: `y`, or `n` where it gets the usual reply. */
function fate(filter: Reputation, event: Flow): string {
  const { source, out } = run(filter);
  source.next(event);
  const [flow] = out;
  if (flow === event) return 'y';
  return flow?.stage === 'reply' && JSON.stringify(flow.decision) === JSON.stringify(LATER) ? 'n' : '?';
}

describe('reputation', () => {
  expectQuiet();
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_123_456 }));
  afterEach(() => void vi.useRealTimers());

  it(
    'refuses clients above the threshold until enough has decayed',
    marbles(({ hot, expectObservable }) => {
      const m = mail();
      const N = decided(m, LATER);
      const known = reputation({ threshold: 2, halfLife: 1_000 });
      hot('(ooo)').subscribe(() => known.penalise(messageOutcome(m.session.client.address)));
      // 3 points are 2 after 585 ms.
      expectObservable(hot('1ms m 580ms m 9ms m', { m }).pipe(known)).toBe('1ms N 580ms N 9ms m', { m, N });
    }),
  );

  it('counts what was refused, for each client, over all connections', () => {
    const known = reputation({ threshold: 1, halfLife: HOUR });
    known.penalise(messageOutcome('192.0.2.1'));
    known.penalise(
      messageOutcome('192.0.2.1', {
        recipients: [recipientOutcome('deferred')],
        result: 'deferred',
        decision: tempfail(),
      }),
    );
    known.penalise(messageOutcome('192.0.2.1', { recipients: [recipientOutcome('accepted')], ...PASSED }));
    expect(fate(known, from('192.0.2.1'))).toBe('y');
    known.penalise(messageOutcome('192.0.2.1'));
    expect([fate(known, from('192.0.2.1')), fate(known, from('192.0.2.2'))]).toEqual(['n', 'y']);
  });

  it('counts recipients that were refused in a message that was not', () => {
    const known = reputation({ threshold: 1, halfLife: HOUR });
    const some = { recipients: (['refused', 'accepted', 'deferred'] as const).map(recipientOutcome) };
    known.penalise(messageOutcome('192.0.2.1', { ...some, ...PASSED }));
    expect(fate(known, from('192.0.2.1'))).toBe('y');
    // The mail server itself has refused one, and the client has given up.
    known.penalise(messageOutcome('192.0.2.1', { ...some, ...PASSED, result: 'aborted' }));
    expect(fate(known, from('192.0.2.1'))).toBe('n');
  });

  it('gives messages the points of its user', () => {
    const points = ({ stage, size }: MessageOutcome): number | undefined =>
      stage === 'eom' ? size : undefined;
    const known = reputation({ threshold: 10, halfLife: HOUR, points });
    known.penalise(messageOutcome('192.0.2.1', { size: 1_000 }));
    expect(fate(known, from('192.0.2.1'))).toBe('y');
    known.penalise(messageOutcome('192.0.2.1', { stage: 'eom', size: 11 }));
    expect(fate(known, from('192.0.2.1'))).toBe('n');
  });

  it('has none of who has logged in, and of who is not known', () => {
    const known = reputation({ threshold: 0, halfLife: HOUR });
    const user = { auth_authen: 'alice' };
    known.penalise(messageOutcome('', { session: session({ client: { address: '', family: 'unknown' } }) }));
    known.penalise(messageOutcome('192.0.2.2', { session: of('192.0.2.2', user) }));
    expect(fate(known, from('192.0.2.2'))).toBe('y');
    known.penalise(messageOutcome('192.0.2.1'));
    expect([fate(known, from('192.0.2.1', user)), fate(known, from('192.0.2.1'))]).toEqual(['y', 'n']);
    const unknown = mail('a@b.test', { session: session({ client: { address: '', family: 'unknown' } }) });
    expect(fate(known, unknown)).toBe('y');
  });

  it('goes by a larger network, or by a key of its user', () => {
    const wide = reputation({ threshold: 0, halfLife: HOUR, network: { ipv4: 24 } });
    wide.penalise(messageOutcome('192.0.2.1'));
    expect([fate(wide, from('192.0.2.9')), fate(wide, from('192.0.3.1'))]).toEqual(['n', 'y']);
    const users = reputation({
      threshold: 0,
      halfLife: HOUR,
      key: ({ auth }) => auth?.user,
    });
    users.penalise(messageOutcome('192.0.2.1', { session: of('192.0.2.1', { auth_authen: 'bob' }) }));
    const user = (name: string): Flow => from('192.0.2.5', { auth_authen: name });
    expect([user('bob'), user('alice'), from('192.0.2.1')].map((event) => fate(users, event)).join('')).toBe(
      'nyy',
    );
  });

  it('keeps the usual size of an IPv4 network where only that of an IPv6 one is given', () => {
    const known = reputation({ threshold: 0, halfLife: HOUR, network: { ipv6: 56 } });
    known.penalise(messageOutcome('192.0.2.1'));
    expect([fate(known, from('192.0.2.1')), fate(known, from('192.0.2.9'))]).toEqual(['n', 'y']);
  });

  it('refuses connections, in the words of its user', () => {
    const scores = memoryScores();
    const decision = reject({ code: 554, text: 'Not you' });
    const known = reputation({ threshold: 0, halfLife: HOUR, stage: 'connect', decision, scores });
    known.penalise(messageOutcome('192.0.2.1'));
    const c = connect('192.0.2.1');
    const { source, out } = run(known);
    source.next(c);
    expect(out).toEqual([decided(c, decision)]);
    expect(scores.of('192.0.2.1/32', HOUR)).toBe(1);
  });

  it('decides at its stage and looks at nothing else', () => {
    expect(tagsOf(stepsOf(reputation({ threshold: 1, halfLife: 1 })))).toMatchObject({
      decides: BIT.mail,
      observes: 0,
    });
  });

  it.each([
    [{ threshold: -1 }, 'reputation(): threshold is -1; it has to be a number from 0 on.'],
    [{ threshold: '5' }, "reputation(): threshold is '5'; it has to be a number from 0 on."],
    [{ halfLife: 0 }, 'reputation(): halfLife is 0; it has to be a number of milliseconds from 1 on.'],
    [{ stage: 'eom' }, "reputation(): stage is 'eom'; it has to be one of 'connect', 'helo', 'mail'"],
    [{ scores: {} }, 'reputation(): scores is {}; it has to be scores with functions add and of'],
    [{ scores: null }, 'reputation(): scores is null; it has to be scores with'],
    [{ key: 'client' }, "reputation(): key is 'client'; it has to be a function."],
    [{ points: 5 }, 'reputation(): points is 5; it has to be a function.'],
    [{ stage: 'connect', decision: discard() }, 'discard() is not legal at stage connect.'],
    [{ away: 'fail' }, "reputation(): away is 'fail'; it has to be 'pass'"],
    [
      { network: { ipv6: 200 } },
      'reputation(): network.ipv6 is 200; it has to be a whole number from 0 to 128.',
    ],
  ])('refuses %o', (options, message) => {
    expect(() => reputation({ threshold: 1, halfLife: HOUR, ...(options as object) })).toThrow(message);
  });
});

describe('reputation, of the messages of a server', () => {
  const KEY = '192.0.2.1/32';
  const MAIL: ClientMail = {
    sender: 'alice@example.com',
    recipients: ['gone@example.org', 'bob@example.org'],
    headers: [['Subject', 'Hello']],
    body: 'Hi there\r\n',
    client: { host: 'client.example.com', family: 'inet', address: '192.0.2.1', port: 40_000 },
  };
  const noGone = on('rcpt', ({ address }) => address.startsWith('gone') && reject('No such user'));
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_123_456 }));
  afterEach(() => void vi.useRealTimers());

  /** Sends a mail, and gives the messages that were told of, and the points that they cost. */
  async function told(
    filter: Filter,
    mail: Partial<ClientMail> = {},
  ): Promise<{ messages: MessageOutcome[]; points: number }> {
    const scores = memoryScores();
    const messages: MessageOutcome[] = [];
    const known = reputation({ threshold: 100, halfLife: HOUR, scores });
    const server = await serve(compose(known, filter), { listen: 'inet:0@127.0.0.1' });
    server.messages.subscribe(known.penalise);
    server.messages.subscribe((message) => void messages.push(message));
    await deliver({ ...MAIL, ...mail }, { to: server.address });
    await server.close();
    return { messages, points: scores.of(KEY, HOUR) };
  }

  it.each<[string, Filter, number]>([
    ['that passes', compose(), 0],
    ['of which one of two recipients was refused', noGone, 1],
    ['of which both recipients were refused', on('rcpt', () => reject()), 2],
    ['of which both recipients were deferred', on('rcpt', () => tempfail()), 0],
    [
      'of which one recipient was deferred and then the last refused',
      on('rcpt', ({ address }) => (address.startsWith('gone') ? tempfail() : reject())),
      1,
    ],
    ['that was refused at mail', on('mail', () => reject()), 1],
    ['that was refused at data', on('data', () => reject()), 1],
    ['that was refused at its end', on('eom', () => reject()), 1],
    [
      'that was refused at its end, and a recipient before',
      compose(
        noGone,
        on('eom', () => reject()),
      ),
      2,
    ],
    [
      'that was deferred at its end, and a recipient refused',
      compose(
        noGone,
        on('eom', () => tempfail()),
      ),
      1,
    ],
    ['that was discarded', on('eom', () => discard()), 0],
  ])('counts of one %s each refusal once', async (_which, filter, points) => {
    expect(await told(filter)).toMatchObject({ messages: [{ client: { address: '192.0.2.1' } }], points });
  });

  it('counts a recipient who was the only one, and refused, once', async () => {
    const { messages, points } = await told(noGone, { recipients: ['gone@example.org'] });
    expect(messages).toMatchObject([{ result: 'refused', stage: 'rcpt' }]);
    expect(points).toBe(1);
  });

  it.each(['connect', 'helo'] as const)(
    'has no points for a session that was refused at %s',
    async (stage) => {
      expect(await told(on(stage, () => reject()))).toEqual({ messages: [], points: 0 });
    },
  );

  it('has no points for the messages of who has logged in, although their session has no login any more', async () => {
    const { messages, points } = await told(noGone, { macros: { '{auth_authen}': 'alice' } });
    expect(messages.map(({ auth, session }) => [auth?.user, session.auth])).toEqual([['alice', undefined]]);
    expect(points).toBe(0);
  });

  it('costs who comes again and again no more points for that', async () => {
    const decision = reject('Not you');
    const scores = memoryScores();
    const known = reputation({ threshold: 1, halfLife: HOUR, decision, scores, key: () => 'all' });
    // The same decision of another filter is another matter.
    const filter = compose(
      known,
      on('rcpt', () => decision),
    );
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    onTestFinished(() => server.destroy());
    const messages: MessageOutcome[] = [];
    server.messages.subscribe(known.penalise);
    server.messages.subscribe((message) => void messages.push(message));
    const points: number[] = [];
    for (let count = 1; count <= 5; count++) {
      await deliver({ ...MAIL, recipients: ['bob@example.org'] }, { to: server.address });
      await expect.poll(() => messages).toHaveLength(count);
      points.push(scores.of('all', HOUR));
    }
    expect(messages.map(({ stage, text }) => `${stage ?? ''}: ${text}`)).toEqual([
      ...Array<string>(2).fill('rcpt: 550 5.7.1 Not you'),
      ...Array<string>(3).fill('mail: 550 5.7.1 Not you'),
    ]);
    expect(points).toEqual([1, 2, 2, 2, 2]);
  });
});

describe('reputation, while its scores cannot be asked', () => {
  const gone = new Error('connection refused');
  const open: Simulation[] = [];
  const simulated = async (filter: Reputation): Promise<Simulation> => {
    const mta = await simulate(filter);
    open.push(mta);
    return mta;
  };
  const errors = (mta: Simulation): unknown[] =>
    mta.outcomes.flatMap(({ error }) => (error === undefined ? [] : [error.cause]));
  expectQuiet();
  afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

  const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

  it('does with mail what it is told', async () => {
    const scores = { add: () => 0, of: () => Promise.reject(gone) };
    for (const [away, verdict] of [
      ['pass', 'continue'],
      ['tempfail', 'tempfail'],
      [reject('No'), 'reject'],
    ] as const) {
      const mta = await simulated(reputation({ threshold: 1, halfLife: HOUR, scores, away }));
      expect((await mta.mail()).verdict).toBe(verdict);
      expect(errors(mta)).toEqual([gone]);
    }
  });

  it.each([
    ['rejects', () => Promise.reject(gone)],
    [
      'throws',
      () => {
        throw gone;
      },
    ],
  ])('loses points without a word but one, where the store %s', async (_how, add) => {
    const known = reputation({ threshold: 1, halfLife: HOUR, scores: { add, of: () => 0 } });
    const mta = await simulated(known);
    for (let count = 0; count < 5; count++) known.penalise(messageOutcome('192.0.2.1'));
    await settled();
    for (let count = 0; count < 5; count++) {
      expect((await mta.mail()).verdict).toBe('continue');
      known.penalise(messageOutcome('192.0.2.1'));
      await settled();
    }
    expect(errors(mta)).toEqual([gone]);
  });

  it('tells its user of what it cannot write, once, although it can read', async () => {
    const told: unknown[] = [];
    let away = true;
    const known = reputation({
      threshold: 1,
      halfLife: HOUR,
      scores: { add: () => (away ? Promise.reject(gone) : Promise.resolve(1)), of: () => Promise.resolve(0) },
      onAway: (error) => told.push(error),
      onBack: () => told.push('back'),
    });
    const mta = await simulated(known);
    for (const next of [true, true, true, false, false]) {
      away = next;
      known.penalise(messageOutcome('192.0.2.1'));
      expect((await mta.mail()).verdict).toBe('continue');
    }
    expect(told).toEqual([gone, 'back']);
    expect(errors(mta)).toEqual([]);
  });

  it('survives a user who throws: where points are given, where keys are, and where outages are told', async () => {
    const broken = new Error('broken');
    const fails = (): never => {
      throw broken;
    };
    for (const options of [
      { points: fails },
      { points: () => NaN },
      {
        key: ({ client }: Pick<SessionInfo, 'client'>) => (client.address === '192.0.2.9' ? fails() : 'all'),
      },
      { scores: { add: () => Promise.reject(gone), of: () => 0 }, onAway: fails },
    ]) {
      const known = reputation({ threshold: 1, halfLife: HOUR, ...options });
      const mta = await simulated(known);
      for (let count = 0; count < 3; count++) known.penalise(messageOutcome('192.0.2.9'));
      await settled();
      for (let count = 0; count < 3; count++) expect((await mta.mail()).verdict).toBe('continue');
      expect(errors(mta)).toHaveLength(1);
    }
  });

  it('holds no more than a thousand additions that do not settle', async () => {
    const waiting: (() => void)[] = [];
    const told: unknown[] = [];
    const known = reputation({
      threshold: 1,
      halfLife: HOUR,
      scores: { add: () => new Promise((resolve) => waiting.push(() => resolve(1))), of: () => 0 },
      onAway: (error) => told.push(error.message),
      onBack: () => told.push('back'),
    });
    const penalise = (count: number): void => {
      for (let at = 0; at < count; at++) known.penalise(messageOutcome('192.0.2.1'));
    };
    penalise(5_000);
    expect(waiting).toHaveLength(1_000);
    expect(told).toEqual(['reputation(): the scores have 1000 additions to settle, and get no more.']);
    // Not before all of them are settled, so that there is one outage and not a thousand.
    waiting.slice(0, 999).forEach((settle) => settle());
    await settled();
    penalise(5);
    expect(waiting).toHaveLength(1_000);
    waiting[999]?.();
    await settled();
    penalise(2);
    waiting.slice(1_000).forEach((settle) => settle());
    await settled();
    expect(waiting).toHaveLength(1_002);
    expect(told).toEqual([expect.stringContaining('1000 additions'), 'back']);
  });
});
