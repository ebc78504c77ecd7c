import { createClient } from 'redis';
import { StoreError, memoryScores, redisScores, reputation, type Scores } from 'rxmilter/policies';
import { simulate } from 'rxmilter/testing';
import { expect, test } from 'vitest';

import { messageOutcome } from '../../policies/support/message-outcome.js';
import { describeBench } from '../support/describe-bench.js';
import { RedisServer } from '../support/redis-server.js';
import { missingForRedis } from '../support/requirements.js';

const HOUR = 3_600_000;
/** So long that nothing fades while a test runs. */
const AGES = 1_000 * 24 * HOUR;
/** What is rounded in a reply. */
const ROUNDED = 0.001;

type Client = Awaited<ReturnType<typeof connected>>;

/** One that says at once when there is no server. */
async function connected(url: string) {
  const options = { url, disableOfflineQueue: true, socket: { reconnectStrategy: 20 } };
  const client = createClient(options);
  client.on('error', () => undefined);
  return client.connect();
}

/** A Redis, and two machines that keep their scores in it. */
class RedisBench {
  readonly redis: RedisServer;
  readonly clients: readonly Client[];
  readonly both: readonly Scores[];

  private constructor(redis: RedisServer, clients: readonly Client[]) {
    this.redis = redis;
    this.clients = clients;
    this.both = clients.map((client) => redisScores(client));
  }

  static async start(): Promise<RedisBench> {
    const redis = await RedisServer.start();
    return new RedisBench(redis, [await connected(redis.url), await connected(redis.url)]);
  }

  async settle(): Promise<void> {
    await this.clients[0]?.flushAll();
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await this.redis.remove();
  }
}

describeBench(
  'scores in Redis',
  missingForRedis(),
  () => RedisBench.start(),
  (bench) => {
    /** What Redis keeps under a key. */
    async function kept(key: string): Promise<{ fields: Record<string, string>; expires: number }> {
      const [client] = bench().clients;
      if (client === undefined) throw new Error('There is no client.');
      return { fields: { ...(await client.hGetAll(key)) }, expires: await client.pTTL(key) };
    }

    /** Lets time pass: what stands in Redis was written so much earlier then. */
    async function pass(key: string, time: number): Promise<void> {
      await bench().clients[0]?.hIncrBy(key, 't', -time);
    }

    test('are those that are kept in memory, as time passes', async () => {
      const [scores, other] = bench().both;
      const clock = { now: 0 };
      const schedule = (): never => {
        throw new Error('Nothing has to be scheduled here.');
      };
      const memory = memoryScores({ scheduler: { now: () => clock.now, schedule } });
      for (const [pause, points] of [
        [0, 1],
        [2 * HOUR, 0.25],
        [AGES, 1_000],
        [AGES / 3, 0.001],
        [7 * AGES, 12.5],
        [AGES / 2, 1e12],
        [30 * AGES, 1],
      ] as const) {
        clock.now += pause;
        await pass(`rxmilter:score:${AGES}:k`, pause);
        const expected = memory.add('k', points, AGES);
        const slack = ROUNDED + expected * 1e-6;
        expect(Math.abs(Number(await scores?.add('k', points, AGES)) - expected)).toBeLessThan(slack);
        expect(Math.abs(Number(await other?.of('k', AGES)) - memory.of('k', AGES))).toBeLessThan(slack);
      }
      expect(memory.of('k', AGES)).toBeGreaterThan(1);
    });

    test('lose nothing of what two clients add at the same time', async () => {
      const additions = Array.from({ length: 500 }, async (_, at) =>
        bench().both[at % 2]?.add('k', 0.5, AGES),
      );
      const answers = await Promise.all(additions);
      expect(new Set(answers).size).toBe(500);
      for (const scores of bench().both) expect(await scores.of('k', AGES)).toBeCloseTo(250, 2);
    });

    test('expire when they count as nothing, and are not there for who is only asked for', async () => {
      const [scores] = bench().both;
      expect(await scores?.of('k', HOUR)).toBe(0);
      expect(await scores?.add('k', 0.009, HOUR)).toBe(0);
      expect(await bench().clients[0]?.dbSize()).toBe(0);
      expect(await scores?.add('k', 1, HOUR)).toBe(1);
      // A hundredth is left after log2(100) half-lives.
      const { expires } = await kept(`rxmilter:score:${HOUR}:k`);
      expect(expires).toBeLessThanOrEqual(Math.ceil(Math.log2(100) * HOUR));
      expect(expires).toBeGreaterThan(6 * HOUR);
      await scores?.add('k', 1e300, HOUR);
      expect((await kept(`rxmilter:score:${HOUR}:k`)).fields.p).toBe('1000000000');
      expect((await kept(`rxmilter:score:${HOUR}:k`)).expires).toBeLessThan(37 * HOUR);
    });

    test('do not fade by a clock that was set back', async () => {
      await bench().both[0]?.add('k', 4, HOUR);
      await pass(`rxmilter:score:${HOUR}:k`, -HOUR);
      expect(await bench().both[1]?.of('k', HOUR)).toBe(4);
      expect(await bench().both[1]?.add('k', 1, HOUR)).toBe(5);
    });

    test('make a reputation that all machines know, and no mail waits while Redis is away', async () => {
      const told: string[] = [];
      const machines = bench().both.map((scores) =>
        reputation({
          threshold: 2,
          halfLife: AGES,
          scores,
          key: () => 'all',
          away: 'pass',
          onAway: (error) => told.push(error instanceof StoreError ? 'away' : String(error)),
          onBack: () => told.push('back'),
        }),
      );
      const [one, other] = machines;
      if (one === undefined || other === undefined) throw new Error('There are two.');
      const mta = await simulate(other);
      expect((await mta.mail()).verdict).toBe('continue');
      const message = messageOutcome('192.0.2.1');
      for (let count = 0; count < 3; count++) one.penalise(message);
      await expect.poll(() => bench().both[1]?.of('all', AGES)).toBeCloseTo(3, 2);
      expect((await mta.mail()).verdict).toBe('tempfail');

      await bench().redis.stop('SIGKILL');
      expect((await mta.mail()).verdict).toBe('continue');
      for (let count = 0; count < 10; count++) one.penalise(message);
      await expect.poll(() => told).toEqual(['away', 'away']);
      await bench().redis.resume();
      await expect.poll(async () => (await mta.mail()).verdict).toBe('tempfail');
      await expect
        .poll(() => {
          // One client may be connected again before the other.
          one.penalise(message);
          return told;
        })
        .toEqual(['away', 'away', 'back', 'back']);
      await mta.close();
    });
  },
);
