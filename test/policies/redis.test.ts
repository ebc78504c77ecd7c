import { createHash } from 'node:crypto';
import { redisCounters, redisKeys, redisScores, StoreError } from 'rxmilter/policies';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { expectQuiet } from '../operators/support/quiet.js';
import { HANGS, fakeRedis } from './support/fake-redis.js';

const TIMES = { delay: 300_000, window: 172_800_000, lifetime: 3_024_000_000 };

describe('a script in Redis', () => {
  expectQuiet();
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is sent whole only where the server does not know it', async () => {
    const redis = fakeRedis(300_000);
    const keys = redisKeys(redis);
    expect([await keys.attempt('k', TIMES), await keys.attempt('k', TIMES)]).toEqual([300_000, 300_000]);
    expect(redis.sent.map(([command]) => command)).toEqual(['EVALSHA', 'EVAL', 'EVALSHA']);
    const [, text = ''] = redis.sent[1] ?? [];
    expect(redis.sent[0]?.[1]).toBe(createHash('sha1').update(text).digest('hex'));
  });

  it('gets one key with its prefix, and takes time from the server', async () => {
    const redis = fakeRedis();
    await redisKeys(redis).attempt('k', TIMES);
    await redisCounters(redis, { prefix: 'mx:' }).hit('c', 60_000.5, 10);
    await redisCounters(redis).hit('c', 60_000);
    await redisScores(redis).add('s', 0.5, 3_600_000);
    await redisScores(redis).of('s', 3_600_000);
    expect(redis.sent.filter(([command]) => command === 'EVALSHA').map(([, , ...words]) => words)).toEqual([
      ['1', 'rxmilter:grey:k', '300000', '172800000', '3024000000'],
      ['1', 'mx:count:60000.5:c', '60001', '10'],
      ['1', 'rxmilter:count:60000:c', '60000', '-1'],
      ['1', 'rxmilter:score:3600000:s', '0.5', '3600000'],
      ['1', 'rxmilter:score:3600000:s', '0', '3600000'],
    ]);
    for (const [, text = ''] of redis.sent.filter(([command]) => command === 'EVAL')) {
      expect(text).toContain("redis.call('TIME')");
      expect(text).not.toContain('KEYS[2]');
    }
  });

  it('gets a short key for a long one', async () => {
    const redis = fakeRedis();
    await redisKeys(redis).attempt('x'.repeat(10_000), TIMES);
    expect(redis.sent[0]?.[3]).toMatch(/^rxmilter:sha256:[\w-]{43}$/);
  });

  it('takes a number also as text or as a large one, and nothing else', async () => {
    const redis = fakeRedis();
    const counters = redisCounters(redis);
    redis.reply = '7';
    expect(await counters.hit('k', 1_000)).toBe(7);
    for (const reply of ['OK', null, '']) {
      redis.reply = reply;
      await expect(counters.hit('k', 1_000)).rejects.toThrow(
        new StoreError(`Redis replied ${JSON.stringify(reply)}, which is no number.`),
      );
    }
  });

  it('takes points in thousandths, and sends no others', async () => {
    const redis = fakeRedis('12345');
    const scores = redisScores(redis);
    expect([await scores.add('k', 1, 1_000), await scores.of('k', 1_000)]).toEqual([12.345, 12.345]);
    redis.sent.length = 0;
    for (const [points, halfLife] of [
      [-1, 1_000],
      [NaN, 1_000],
      [1, 0],
    ] as const) {
      await expect(Promise.resolve(scores.add('k', points, halfLife))).rejects.toThrow(RangeError);
    }
    expect(redis.sent).toEqual([]);
  });

  it('says why the server cannot be asked', async () => {
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:6379');
    const redis = fakeRedis(cause);
    const error: unknown = await Promise.resolve(redisKeys(redis).attempt('k', TIMES)).catch(
      (e: unknown) => e,
    );
    expect(error).toEqual(new StoreError('Redis cannot be asked: connect ECONNREFUSED 127.0.0.1:6379'));
    expect((error as Error).cause).toBe(cause);
    // A client may also throw at once.
    const throwing = redisKeys({
      sendCommand: () => {
        throw cause;
      },
    });
    await expect(throwing.attempt('k', TIMES)).rejects.toThrow('Redis cannot be asked: connect ECONNREFUSED');
    // What does not come from silence is asked again at once.
    redis.reply = 0;
    expect(await redisKeys(redis).attempt('k', TIMES)).toBe(0);
  });

  it('waits for a silent server no longer than the limit, and after that lets one ask at a time', async () => {
    const redis = fakeRedis(HANGS);
    const counters = redisCounters(redis, { timeout: 500, pause: 200 });
    const told: string[] = [];
    const hit = (name: string): void =>
      void Promise.resolve(counters.hit('k', 1_000)).then(
        (count) => told.push(`${name} ${count}`),
        (error: unknown) => told.push(`${name} ${String(error)}`),
      );
    const late = 'StoreError: Redis did not reply within 500 ms.';
    hit('a');
    await vi.advanceTimersByTimeAsync(400);
    hit('b');
    await vi.advanceTimersByTimeAsync(99);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    hit('c');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([`a ${late}`, `c ${late}`]);
    expect(redis.sent).toHaveLength(2);
    // The pause is over at 1 100, since b failed at 900: of three who come then, one asks.
    await vi.advanceTimersByTimeAsync(600);
    told.length = 0;
    for (const name of ['d', 'e', 'f']) hit(name);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([`e ${late}`, `f ${late}`]);
    expect(redis.sent).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(500);
    expect(told).toEqual([`e ${late}`, `f ${late}`, `d ${late}`]);
    // Without a restart: the next one who asks is answered, and then all are.
    redis.reply = 5;
    await vi.advanceTimersByTimeAsync(200);
    told.length = 0;
    hit('g');
    await vi.advanceTimersByTimeAsync(0);
    hit('h');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual(['g 5', 'h 5']);
  });

  it('is asked again after its pause also where the clock is set back meanwhile', async () => {
    const redis = fakeRedis(HANGS);
    const counters = redisCounters(redis, { timeout: 500, pause: 200 });
    const late = expect(counters.hit('k', 1_000)).rejects.toThrow('did not reply within 500 ms');
    await vi.advanceTimersByTimeAsync(500);
    await late;
    redis.reply = 5;
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(200);
    expect(await counters.hit('k', 1_000)).toBe(5);
  });

  it('leaves no timer behind', async () => {
    await redisKeys(fakeRedis()).attempt('k', TIMES);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [
      {} as never,
      {},
      'redisKeys(): the client has no function sendCommand. Give a client of node-redis, or { sendCommand: (words) => … }.',
    ],
    [
      undefined as never,
      {},
      'redisKeys(): the client has no function sendCommand. Give a client of node-redis, or { sendCommand: (words) => … }.',
    ],
    [
      fakeRedis(),
      { timeout: 0 },
      'redisKeys(): timeout is 0; it has to be a number of milliseconds from 1 to 2147483647.',
    ],
    [
      fakeRedis(),
      { timeout: 2 ** 31 },
      'redisKeys(): timeout is 2147483648; it has to be a number of milliseconds from 1 to 2147483647.',
    ],
    [
      fakeRedis(),
      { pause: -1 },
      'redisKeys(): pause is -1; it has to be a number of milliseconds from 0 on.',
    ],
    [fakeRedis(), { prefix: 5 as never }, 'redisKeys(): prefix is 5; it has to be a string.'],
  ])('refuses what cannot be meant (%#)', (client, options, message) => {
    expect(() => redisKeys(client, options)).toThrow(message);
  });
});
