import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { builtPackage, type BuiltPackage } from '../support/built-package.js';
import { describePostfix } from '../support/describe-postfix.js';
import type { PostfixBench } from '../support/postfix-bench.js';
import { Program } from '../support/program.js';
import { SmtpLoad } from '../support/smtp-load.js';

const CLIENTS = 8;
/** How often the filter is killed in each test, and how large its bodies are. */
const KILLS = Number(process.env.RXMILTER_KILLS ?? 4);
const SIZE = Number(process.env.RXMILTER_KILLED_BODY ?? 131_072);
const FILTER = 'test/mta/postfix/slow-body-filter.mjs';

/** What Postfix logs of a filter that goes, hangs or is not there yet. */
const AWAY = /warning: (?:milter|connect to Milter service) inet:127\.0\.0\.1:\d+: /;

describePostfix(
  'a filter that is killed while it replaces bodies',
  (bench) => {
    let built: BuiltPackage;
    beforeAll(async () => {
      built = await builtPackage();
    });
    afterAll(() => built.remove());

    const started = async (): Promise<Program> => {
      const args = [...built.flags, FILTER, bench().milter.inet, String(SIZE)];
      const filter = new Program(args);
      onTestFinished(async () => {
        await filter.stop('SIGKILL');
      });
      await filter.says(/^Listening/);
      return filter;
    };

    // The default action of the listener `inet` is `accept` here.
    test.each([
      ['accept', 'SIGKILL', 'inet'],
      ['accept', 'SIGSTOP', 'inet'],
      ['tempfail', 'SIGKILL', 'tempfail'],
      ['tempfail', 'SIGSTOP', 'tempfail'],
    ] as const)(
      'loses nothing that a client was told 250 for, with %s and %s',
      async (action, signal, listener) => {
        bench().tolerate(AWAY);
        let filter = await started();
        const load = new SmtpLoad(bench(), listener, CLIENTS);
        for (let kill = 0; kill < KILLS; kill++) {
          await load.more(10 + (kill % 8), '2');
          filter.signal(signal);
          // One that hangs is killed once Postfix has given it up.
          if (signal === 'SIGSTOP') await load.moreAnswers(CLIENTS / 2, '');
          await filter.stop('SIGKILL');
          filter = await started();
        }
        await load.more(10, '2');
        await load.stop();

        const told = await expectAllThere(bench(), load);
        const put = load.count('4');
        console.log(`${action}, ${KILLS} x ${signal}: 250 for ${told}, put off ${put}, lost 0`);
        if (action === 'accept') expect(put).toBe(0);
      },
      60_000 + KILLS * 20_000,
    );
  },
  () => ({
    milter_default_action: 'accept',
    milter_command_timeout: '2s',
    milter_content_timeout: '2s',
  }),
);

/** Every message that was answered with 250 came out once, as it was sent or as the filter wants it; gives how many. */
async function expectAllThere(bench: PostfixBench, load: SmtpLoad): Promise<number> {
  await bench.idle();
  const told = [...load.replies].filter(([, reply]) => reply.startsWith('2')).map(([subject]) => subject);
  const kept = bench.sink.kept.map(({ data }) => data.toString());
  const others = [...load.replies.values()].filter((reply) => !/^[24]/.test(reply));
  const states = kept.map((text) => {
    if (!text.includes('X-Filtered: yes\r\n')) return text.endsWith('The body.\r\n') ? 'old' : 'broken';
    return text.endsWith('The end.\r\n') && text.length > SIZE ? 'new' : 'broken';
  });
  expect(others).toEqual([]);
  expect(bench.postfix.queue.corrupt()).toBe(0);
  expect(kept.map((text) => /^Subject: (.+)\r$/m.exec(text)?.[1]).sort()).toEqual(told.sort());
  expect(states.filter((state) => state === 'broken')).toEqual([]);
  return told.length;
}
