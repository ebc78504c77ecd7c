import { compose, on, discard, reject, tempfail, type Flow, type Outcome } from 'rxmilter';
import { memoryScores, type Reputation, reputation } from 'rxmilter/policies';
import { type Simulation, connect, mail, session, simulate } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { stepsOf, tagsOf } from '../../src/operators/core/filter.js';
import { BIT } from '../../src/session/stage.js';
import { run } from '../operators/support/drawn.js';
import { expectQuiet } from '../operators/support/quiet.js';
import { decided } from '../support/events.js';
import { marbles } from '../support/marbles.js';

const HOUR = 3_600_000;
const LATER = tempfail({
  code: 450,
  enhanced: '4.7.1',
  text: 'Too much was refused lately, please try again later',
});

const of = (address: string, macros: Record<string, string> = {}): Outcome['session'] =>
  session({ client: { address }, macros });
const from = (address: string, macros: Record<string, string> = {}): ReturnType<typeof mail> =>
  mail('alice@example.com', { session: of(address, macros) });

/** What became of a recipient of that client. */
function outcome(address: string, given: Partial<Outcome> = {}): Outcome {
  return {
    session: of(address),
    stage: 'rcpt',
    decision: reject(),
    modifications: [],
    elapsed: 1,
    rounds: 1,
    bytes: 1,
    error: undefined,
    ...given,
  };
}

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
      hot('(ooo)').subscribe(() => known.penalise(outcome(m.session.client.address)));
      // 3 points are 2 after 585 ms.
      expectObservable(hot('1ms m 580ms m 9ms m', { m }).pipe(known)).toBe('1ms N 580ms N 9ms m', { m, N });
    }),
  );

  it('counts what was rejected, for each client, over all connections', () => {
    const known = reputation({ threshold: 1, halfLife: HOUR });
    known.penalise(outcome('192.0.2.1'));
    known.penalise(outcome('192.0.2.1', { decision: tempfail() }));
    known.penalise(outcome('192.0.2.1', { decision: undefined }));
    expect(fate(known, from('192.0.2.1'))).toBe('y');
    known.penalise(outcome('192.0.2.1'));
    expect([fate(known, from('192.0.2.1')), fate(known, from('192.0.2.2'))]).toEqual(['n', 'y']);
  });

  it('gives outcomes the points of its user', () => {
    const points = ({ stage, bytes }: Outcome): number | undefined => (stage === 'eom' ? bytes : undefined);
    const known = reputation({ threshold: 10, halfLife: HOUR, points });
    known.penalise(outcome('192.0.2.1', { bytes: 1_000 }));
    expect(fate(known, from('192.0.2.1'))).toBe('y');
    known.penalise(outcome('192.0.2.1', { stage: 'eom', bytes: 11 }));
    expect(fate(known, from('192.0.2.1'))).toBe('n');
  });

  it('has none of who has logged in, and of who is not known', () => {
    const known = reputation({ threshold: 0, halfLife: HOUR });
    const user = { auth_authen: 'alice' };
    known.penalise(outcome('', { session: session({ client: { address: '', family: 'unknown' } }) }));
    known.penalise(outcome('192.0.2.2', { session: of('192.0.2.2', user) }));
    expect(fate(known, from('192.0.2.2'))).toBe('y');
    known.penalise(outcome('192.0.2.1'));
    expect([fate(known, from('192.0.2.1', user)), fate(known, from('192.0.2.1'))]).toEqual(['y', 'n']);
    const unknown = mail('a@b.test', { session: session({ client: { address: '', family: 'unknown' } }) });
    expect(fate(known, unknown)).toBe('y');
  });

  it('goes by a larger network, or by a key of its user', () => {
    const wide = reputation({ threshold: 0, halfLife: HOUR, network: { ipv4: 24 } });
    wide.penalise(outcome('192.0.2.1'));
    expect([fate(wide, from('192.0.2.9')), fate(wide, from('192.0.3.1'))]).toEqual(['n', 'y']);
    const users = reputation({
      threshold: 0,
      halfLife: HOUR,
      key: ({ macros }) => macros.get('auth_authen'),
    });
    users.penalise(outcome('192.0.2.1', { session: of('192.0.2.1', { auth_authen: 'bob' }) }));
    const user = (name: string): Flow => from('192.0.2.5', { auth_authen: name });
    expect([user('bob'), user('alice'), from('192.0.2.1')].map((event) => fate(users, event)).join('')).toBe(
      'nyy',
    );
  });

  it('keeps the usual size of an IPv4 network where only that of an IPv6 one is given', () => {
    const known = reputation({ threshold: 0, halfLife: HOUR, network: { ipv6: 56 } });
    known.penalise(outcome('192.0.2.1'));
    expect([fate(known, from('192.0.2.1')), fate(known, from('192.0.2.9'))]).toEqual(['n', 'y']);
  });

  it('refuses connections, in the words of its user', () => {
    const scores = memoryScores();
    const decision = reject({ code: 554, text: 'Not you' });
    const known = reputation({ threshold: 0, halfLife: HOUR, stage: 'connect', decision, scores });
    known.penalise(outcome('192.0.2.1'));
    const c = connect('192.0.2.1');
    const { source, out } = run(known);
    source.next(c);
    expect(out).toEqual([decided(c, decision)]);
    expect(scores.of('192.0.2.1/32', HOUR)).toBe(1);
  });

  it('costs who comes again and again no more points for that', async () => {
    const decision = reject('Not you');
    const scores = memoryScores();
    const known = reputation({ threshold: 1, halfLife: HOUR, decision, scores, key: () => 'all' });
    // The same decision of another filter is another matter.
    const mta = await simulate(
      compose(
        known,
        on('rcpt', () => decision),
      ),
    );
    const told = (): Outcome => {
      const last = mta.outcomes.at(-1);
      if (last === undefined) throw new Error('There was to be an outcome.');
      known.penalise(last);
      return last;
    };
    for (const points of [1, 2]) {
      expect((await mta.rcpt()).verdict).toBe('reject');
      expect(told()).toMatchObject({ stage: 'rcpt', decision: { kind: 'reject' } });
      expect(scores.of('all', HOUR)).toBe(points);
    }
    for (let count = 0; count < 3; count++) {
      expect((await mta.mail()).verdict).toBe('reject');
      expect(told()).toMatchObject({ stage: 'mail', decision: { kind: 'reject' } });
      expect(scores.of('all', HOUR)).toBe(2);
    }
    await mta.close();
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
    for (let count = 0; count < 5; count++) known.penalise(outcome('192.0.2.1'));
    await settled();
    for (let count = 0; count < 5; count++) {
      expect((await mta.mail()).verdict).toBe('continue');
      known.penalise(outcome('192.0.2.1'));
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
      known.penalise(outcome('192.0.2.1'));
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
      { key: ({ client }: Outcome['session']) => (client.address === '192.0.2.9' ? fails() : 'all') },
      { scores: { add: () => Promise.reject(gone), of: () => 0 }, onAway: fails },
    ]) {
      const known = reputation({ threshold: 1, halfLife: HOUR, ...options });
      const mta = await simulated(known);
      for (let count = 0; count < 3; count++) known.penalise(outcome('192.0.2.9'));
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
      for (let at = 0; at < count; at++) known.penalise(outcome('192.0.2.1'));
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
