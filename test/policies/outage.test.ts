import { accept, reject, ProjectError } from 'rxmilter';
import { greylist, type AwayOptions, rateLimit, redisKeys, type KeyStore } from 'rxmilter/policies';
import { type Simulation, simulate } from 'rxmilter/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { expectQuiet } from '../operators/support/quiet.js';
import { HANGS, fakeRedis } from './support/fake-redis.js';

const gone = new Error('connection refused');

/** A store that is there or is not, as the test wants it; it answers later, as one on another machine. */
function store(): KeyStore & { away: boolean } {
  return {
    away: false,
    attempt() {
      return this.away ? Promise.reject(gone) : Promise.resolve(0);
    },
  };
}

const open: Simulation[] = [];
async function simulated(...given: Parameters<typeof simulate>): Promise<Simulation> {
  const simulation = await simulate(...given);
  open.push(simulation);
  return simulation;
}

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((each) => each.close()));
});

describe('a policy whose store cannot be asked', () => {
  expectQuiet();

  it('defers mail by default, in words of its own', async () => {
    const mta = await simulated(greylist({ store: { attempt: () => Promise.reject(gone) } }));
    expect(await mta.rcpt()).toMatchObject({
      verdict: 'tempfail',
      reply: { code: 451, enhanced: '4.3.0', lines: ['Temporarily out of order, please try again later'] },
    });
  });

  it.each([undefined, NaN, '5', {}])('is one that answers with %o, which is no number', async (answer) => {
    const told: string[] = [];
    const options = { onAway: ({ message }: Error) => told.push(message) };
    const odd = (): never => answer as never;
    const later = (): never => Promise.resolve(answer) as never;
    for (const give of [odd, later]) {
      for (const filter of [
        greylist({ store: { attempt: give }, ...options }),
        rateLimit({
          key: 'client',
          limit: 1,
          window: 1_000,
          stage: 'rcpt',
          counters: { hit: give },
          ...options,
        }),
      ]) {
        const mta = await simulated(filter);
        expect(await mta.rcpt()).toMatchObject({ verdict: 'tempfail', reply: { enhanced: '4.3.0' } });
      }
    }
    expect(told).toHaveLength(4);
    expect(told[0]).toMatch(/^The store answered .*, which is no number\.$/);
  });

  it.each([
    ['pass', 'continue'],
    ['tempfail', 'tempfail'],
    [reject('No'), 'reject'],
    [accept(), 'accept'],
  ] as const)('does with mail what it is told, %o', async (away, verdict) => {
    const failing = (): never => {
      throw gone;
    };
    const limit = { key: 'client', stage: 'rcpt', limit: 1, window: 1_000, away } as const;
    for (const filter of [
      greylist({ store: { attempt: () => Promise.reject(gone) }, away }),
      greylist({ store: { attempt: failing }, away }),
      rateLimit({ ...limit, counters: { hit: () => Promise.reject(gone) } }),
      rateLimit({ ...limit, counters: { hit: failing } }),
    ]) {
      const mta = await simulated(filter);
      expect((await mta.rcpt()).verdict).toBe(verdict);
    }
  });

  it('reports it to the server once, and once more when it is unavailable again', async () => {
    const keys = store();
    const mta = await simulated(greylist({ store: keys, away: 'pass' }));
    const errors = (): unknown[] => mta.outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
    for (const away of [false, true, true, true, false, false]) {
      keys.away = away;
      expect((await mta.rcpt()).verdict).toBe('continue');
    }
    expect(errors()).toEqual([new ProjectError('rcpt', gone)]);
    expect((errors()[0] as Error).cause).toBe(gone);
    keys.away = true;
    await mta.rcpt();
    expect(errors()).toHaveLength(2);
  });

  it('tells its user instead, when it is unavailable and when it is back', async () => {
    const keys = store();
    const told: unknown[] = [];
    const options: AwayOptions = { onAway: (error) => told.push(error), onBack: () => told.push('back') };
    const mta = await simulated(greylist({ store: keys, away: 'pass', ...options }));
    for (const away of [false, true, true, false, false, true]) {
      keys.away = away;
      await mta.rcpt();
    }
    expect(told).toEqual([gone, 'back', gone]);
    expect(mta.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('does not take a late answer to an old question for its return', async () => {
    const answers: ((left: number) => void)[] = [];
    const onBack = vi.fn();
    const keys: KeyStore = {
      attempt: (key) =>
        key === 'slow' ? new Promise((resolve) => answers.push(resolve)) : Promise.reject(gone),
    };
    const filter = greylist({
      store: keys,
      key: ({ address }) => address,
      away: 'pass',
      onAway: vi.fn(),
      onBack,
    });
    const [one, other] = [await simulated(filter), await simulated(filter)];
    const slow = one.rcpt('slow');
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    await other.rcpt('quick');
    answers[0]?.(0);
    expect((await slow).verdict).toBe('continue');
    expect(onBack).not.toHaveBeenCalled();
  });

  it('survives a user who throws where he is told, and reports that', async () => {
    const broken = new Error('broken');
    const onAway = (): never => {
      throw broken;
    };
    const mta = await simulated(
      greylist({ store: { attempt: () => Promise.reject(gone) }, onAway, away: 'pass' }),
    );
    expect((await mta.rcpt()).verdict).toBe('continue');
    expect(mta.outcomes.flatMap(({ error }) => (error === undefined ? [] : [error.cause]))).toEqual([broken]);
  });

  it('says at an unknown command no more than may be said there', async () => {
    const counters = { hit: () => Promise.reject(gone) };
    const mta = await simulated(
      rateLimit({ key: () => 'all', stage: 'unknown', limit: 1, window: 1_000, counters, away: accept() }),
    );
    expect((await mta.unknown()).verdict).toBe('continue');
  });

  it('holds mail up no longer than the limit of the store, and works again without a restart', async () => {
    const redis = fakeRedis(HANGS);
    const keys = redisKeys(redis, { timeout: 20, pause: 0 });
    const mta = await simulated(greylist({ store: keys, away: 'pass', onAway: () => undefined }));
    expect((await mta.rcpt()).verdict).toBe('continue');
    redis.reply = 60_000;
    expect((await mta.rcpt()).verdict).toBe('tempfail');
  });
});

describe('a slow store', () => {
  it('holds up the connection that asks it and no other', async () => {
    const answers: ((left: number) => void)[] = [];
    const keys: KeyStore = {
      attempt: (key) =>
        key === 'slow' ? new Promise((resolve) => answers.push(resolve)) : Promise.resolve(0),
    };
    const filter = greylist({ store: keys, key: ({ address }) => address });
    const [one, other] = [await simulated(filter), await simulated(filter)];
    const order: string[] = [];
    const slow = one.rcpt('slow').then(({ verdict }) => order.push(`slow ${verdict}`));
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    for (let count = 0; count < 3; count++) order.push(`quick ${(await other.rcpt('quick')).verdict}`);
    answers[0]?.(1_000);
    await slow;
    expect(order).toEqual(['quick continue', 'quick continue', 'quick continue', 'slow tempfail']);
  });

  it('is not waited for when the client has gone', async () => {
    const keys: KeyStore = { attempt: () => new Promise(() => undefined) };
    const mta = await simulated(greylist({ store: keys }));
    const pending = mta.rcpt();
    await vi.waitFor(() => expect(mta.lines.at(-1)).toContain('rcpt'));
    mta.hangUp();
    expect((await pending).verdict).toBe('lost');
  });
});
