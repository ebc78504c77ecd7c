import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { describeWith } from '../support/describe-with.js';
import { expectNothingLost } from '../support/expect-nothing-lost.js';
import { missingForHaProxy, missingForRedis } from '../support/requirements.js';
import { SmtpLoad, type LoadOptions } from '../support/smtp-load.js';
import { SharedBench } from './shared-bench.js';

const CLIENTS = 6;
const DATA = 'Subject: shared\r\n\r\nThe body.\r\n';
const HOUR = 3_600_000;
const GREYLISTED = /^451 4\.7\.1 Greylisted, please try again in \d+ seconds?$/;
const LIMITED = /^450 4\.7\.1 /;
const AWAY = /^451 4\.3\.0 Temporarily out of order, please try again later$/;

/** What Postfix logs of a filter that goes while it has a connection, or that a proxy cannot reach. */
const GONE = /warning: (?:milter|connect to Milter service) inet:127\.0\.0\.1:\d+: /;

/** Each message has a recipient of its own, whom nobody has been let in for. */
const STRANGERS = {
  envelope: (subject: string) => ({ rcpts: [`<u${subject}@dst.example>`] }),
  patient: true,
};

describeWith('policies that several processes share', [missingForRedis(), missingForHaProxy()], (bench) => {
  let shared: SharedBench;
  beforeAll(async () => {
    shared = await SharedBench.start();
  });
  afterEach(async () => {
    await shared.redis.resume();
    const client = await createClient({ url: shared.redis.url }).connect();
    await client.flushAll();
    client.destroy();
  });
  afterAll(() => shared.stop());

  /** Clients that send until they are stopped, or the test ends. */
  function underLoad(options?: LoadOptions): SmtpLoad {
    const load = new SmtpLoad(bench(), 'tempfail', CLIENTS, options);
    onTestFinished(() => load.abandon());
    return load;
  }

  /** What a client is told that sends a message by that listener. */
  async function send(listener: 'tempfail' | 'unix'): Promise<string> {
    const client = await bench().greeted(listener);
    const reply = await client.deliver({ data: DATA });
    await client.quit();
    return reply;
  }

  test('a first attempt at one process lets the second attempt in at another', async () => {
    await shared.filterAt(bench().milter.inet, { delay: HOUR });
    // To one that knows nothing of the first attempt this would be the first.
    await shared.filterAt(bench().milter.unix, { delay: 1 });
    expect(await send('tempfail')).toMatch(GREYLISTED);
    expect(await send('tempfail')).toMatch(GREYLISTED);
    expect(await send('unix')).toMatch(/^250 /);
    expect(await send('tempfail')).toMatch(/^250 /);
  });

  test('a limit holds for all processes together, behind a proxy', async () => {
    const machines = await shared.machines(bench(), { limit: 20 });
    await send('tempfail'); // which counts, and is greylisted
    const load = underLoad();
    await load.moreAnswers(40, LIMITED);
    await load.stop();

    expect(load.count('2')).toBe(19);
    await expectNothingLost(bench(), load);
    const texts = bench().sink.kept.map(({ data }) => data.toString());
    for (const { filter } of machines) {
      expect(texts.some((text) => text.includes(`X-Filtered: by ${filter.pid}\r\n`))).toBe(true);
    }
  });

  test('a limit holds for all workers of a cluster together', async () => {
    const cluster = await shared.workersAt(bench().milter.inet, 2, { limit: 20 });
    await send('tempfail');
    const load = underLoad();
    await load.more(8, '2');
    cluster.signal('SIGHUP');
    await cluster.says(/^restarted/);
    await load.moreAnswers(20, LIMITED);
    await load.stop();

    expect(load.count('2')).toBe(19);
    await expectNothingLost(bench(), load);
  });

  test('greylisted mail gets through when one of two processes is killed under load', async () => {
    bench().tolerate(GONE);
    const machines = await shared.machines(bench(), { delay: 300 });
    const load = underLoad(STRANGERS);
    await load.more(10, '2');
    for (const machine of machines) {
      await machine.filter.stop('SIGKILL');
      await load.more(10, '2');
      await machine.again();
      await load.more(10, '2');
    }
    await load.stop();

    await expectNothingLost(bench(), load);
    expect(load.count('2')).toBe(load.replies.size);
    expect(load.answers.filter((answer) => GREYLISTED.test(answer)).length).toBeGreaterThanOrEqual(
      load.replies.size,
    );
  });

  test('greylisted mail gets through when workers of a cluster are killed under load', async () => {
    bench().tolerate(GONE);
    const cluster = await shared.workersAt(bench().milter.inet, 2, { delay: 300 });
    const load = underLoad(STRANGERS);
    for (let round = 1; round <= 2; round++) {
      await load.more(10, '2');
      const ended = cluster.said(/^worker \d+ ended/).join('\n');
      const [victim = ''] = cluster
        .said(/^worker \d+ serves/)
        .map((line) => /\d+/.exec(line)?.[0] ?? '')
        .filter((pid) => !ended.includes(pid));
      process.kill(Number(victim), 'SIGKILL');
      await cluster.says(/^worker \d+ serves/, 2 + round);
    }
    await load.more(10, '2');
    await load.stop();

    await expectNothingLost(bench(), load);
    expect(load.count('2')).toBe(load.replies.size);
  });

  /** Ends Redis, or halts it: then it takes connections, and answers nobody. */
  async function takeAway(how: 'ended' | 'halted'): Promise<void> {
    if (how === 'ended') await shared.redis.stop('SIGKILL');
    else shared.redis.halt();
  }

  describe.each(['ended', 'halted'] as const)('while Redis is %s', (how) => {
    test('mail is put off, and gets through when it is back', async () => {
      const machines = await shared.machines(bench(), { away: 'tempfail', timeout: 400 });
      const load = underLoad(STRANGERS);
      for (let round = 0; round < 2; round++) {
        await load.more(20, '2');
        await takeAway(how);
        const before = load.answers.length;
        await load.moreAnswers(30, AWAY);
        // what had passed before it was gone
        expect(
          load.answers.slice(before).filter((answer) => answer.startsWith('2')).length,
        ).toBeLessThanOrEqual(CLIENTS);
        await shared.redis.resume();
      }
      await load.more(20, '2');
      await load.stop();

      await expectNothingLost(bench(), load);
      expect(load.count('2')).toBe(load.replies.size);
      // told once for each policy and outage, and not for each mail
      for (const { filter } of machines) {
        const errors = filter.said(/^error: /);
        expect(errors.filter((line) => /Redis (?:cannot be asked|did not reply)/.test(line))).toEqual(errors);
        expect(errors.length).toBeGreaterThan(0);
        expect(errors.length).toBeLessThan(10);
      }
    });

    test('mail passes unasked where that is what is wanted', async () => {
      await shared.machines(bench(), { away: 'pass', timeout: 400 });
      const load = underLoad(STRANGERS);
      await load.moreAnswers(20, GREYLISTED);
      await takeAway(how);
      const before = load.answers.length;
      await load.more(40, '2');
      const during = load.answers.slice(before);
      await shared.redis.resume();
      await load.moreAnswers(20, GREYLISTED);
      await load.stop();

      await expectNothingLost(bench(), load);
      expect(during.filter((answer) => !answer.startsWith('2')).length).toBeLessThanOrEqual(CLIENTS);
      expect(load.answers.filter((answer) => !answer.startsWith('250 ') && !GREYLISTED.test(answer))).toEqual(
        [],
      );
    });
  });
});
