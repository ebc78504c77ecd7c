import { createClient } from 'redis';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { blockList, redisSet, refuseBlocked } from '../../../examples/blocklist-redis.mjs';
import { describeWith } from '../support/describe-with.js';
import { eventually } from '../support/eventually.js';
import { RedisServer } from '../support/redis-server.js';
import { missingForRedis } from '../support/requirements.js';

const DATA = 'Subject: blocked?\r\n\r\nThe body.\r\n';
const BLOCKED = '554 5.7.1 Blocked';
const LATER = '451 4.3.0 Please try again later';
const retries = { initial: 20, max: 50 };

describeWith('a block list in Redis behind Postfix', [missingForRedis()], (bench) => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.remove());

  /** Changes the list as an administrator does, and says so, unless that is to go unnoticed. */
  async function change(command: 'sAdd' | 'sRem', entry: string): Promise<void> {
    const client = await createClient({ url: redis.url }).connect();
    await client.multi()[command]('rxmilter:blocked', entry).publish('rxmilter:blocked:changed', '1').exec();
    client.destroy();
  }

  /** What a client is told that sends a message. */
  async function send(mail = '<alice@src.example>'): Promise<string> {
    const client = await bench().greeted();
    const reply = await client.deliver({ mail, data: DATA });
    await client.quit();
    return reply;
  }

  /** Serves the list; gives what was told of outages. */
  async function serving(
    options: { away?: { value: undefined }; refresh?: number } = {},
  ): Promise<unknown[]> {
    const outages: unknown[] = [];
    const report = (error: unknown): void => void outages.push(error);
    const blocked = blockList(redisSet(redis.url), {
      retries,
      report,
      limit: 500,
      ...options,
    });
    // as the program does
    const kept = blocked.subscribe();
    onTestFinished(() => kept.unsubscribe());
    await bench().serve(refuseBlocked(blocked));
    return outages;
  }

  test('counts from the next message on when it is changed', async () => {
    const outages = await serving();
    expect(await send()).toMatch(/^250 /);
    await change('sAdd', 'src.example');
    await eventually('the new list', async () => (await send()) === BLOCKED);
    expect(await send('<alice@other.example>')).toMatch(/^250 /);
    await change('sRem', 'src.example');
    await eventually('the list without it', async () => (await send()).startsWith('250 '));
    await change('sAdd', '127.0.0.1');
    await eventually('the list with the client', async () => (await send('<a@other.example>')) === BLOCKED);
    await change('sRem', '127.0.0.1');
    await eventually('the list without the client', async () => (await send()).startsWith('250 '));
    expect(outages).toEqual([]);
  });

  test('stays while Redis is away, and is read anew when it is back', async () => {
    await change('sAdd', 'src.example');
    const outages = await serving();
    expect(await send()).toBe(BLOCKED);
    for (let round = 1; round <= 2; round++) {
      await redis.stop('SIGKILL');
      await eventually('the outage', () => outages.length === round);
      expect(await send()).toBe(BLOCKED);
      expect(await send('<alice@other.example>')).toMatch(/^250 /);
      await redis.resume();
      // That this has worked says nothing of who was told: nobody may be listening yet.
      const entry = `round${round}.example`;
      await change('sAdd', entry);
      await eventually(
        'the list of the new connection',
        async () => (await send(`<a@${entry}>`)) === BLOCKED,
      );
    }
    await change('sRem', 'src.example');
    expect(outages).toHaveLength(2);
  });

  test('has mail wait while Redis is away, or hangs, where that is what is wanted', async () => {
    const outages = await serving({ away: { value: undefined }, refresh: 200 });
    expect(await send()).toMatch(/^250 /);
    await redis.stop();
    await eventually('the outage', () => outages.length === 1);
    await eventually('mail to wait', async () => (await send()) === LATER);
    await redis.resume();
    await eventually('mail to pass', async () => (await send()).startsWith('250 '));

    redis.halt();
    await eventually('mail to wait again', async () => (await send()) === LATER);
    await redis.resume();
    await eventually('mail to pass again', async () => (await send()).startsWith('250 '));
    expect(outages.map(String)).toEqual([expect.any(String), expect.stringContaining('Timeout')]);
  });
});
