import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { NEVER, filter as keep, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  addHeader,
  NegotiationError,
  on,
  ProjectError,
  reject,
  replaceBody,
  type serve,
  UnansweredError,
  type ServeOptions,
} from '../../../src/index.js';
import { converse, TAKEN } from '../support/conversation.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';
import { refusedByPostfix, STAGES } from '../support/refused-by-postfix.js';

const MESSAGE = 'Subject: a failure\r\n\r\nThe body.\r\n';
const TEMPFAIL = '451 4.7.1 Service unavailable - try again later';

describePostfix('failing filters behind Postfix', (bench) => {
  /** Serves a filter that is expected to fail, and gives the errors that it reports. */
  async function failing(
    filter: Parameters<typeof serve>[0],
    options: Partial<ServeOptions> = {},
  ): Promise<unknown[]> {
    const errors: unknown[] = [];
    await bench().serve(filter, { onError: (error) => errors.push(error), ...options });
    return errors;
  }

  const FAILURES = [
    [
      'throws',
      () => {
        throw new Error('oh no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('oh no'))],
    ['errors', () => throwError(() => new Error('oh no'))],
  ] as const;

  describe.each(FAILURES)('a project that %s', (_name, fail) => {
    test.each(STAGES)('at %s', async (stage) => {
      let failures = 0;
      const errors = await failing(on(stage, () => (failures++ === 0 ? fail() : undefined)));

      const client = await bench().connect();
      expect(await converse(client, MESSAGE)).toEqual(refusedByPostfix(stage, TEMPFAIL));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toBeInstanceOf(ProjectError);
      expect(errors[0]).toMatchObject({ stage, cause: { message: 'oh no' } });
      await client.quit();

      expect(await converse(await bench().connect(), MESSAGE)).toEqual(TAKEN);
      expect(errors).toHaveLength(1);
    });
  });

  describe.each([
    ['a promise that never settles', () => new Promise<undefined>(() => undefined)],
    ['an Observable that never emits', () => NEVER],
  ] as const)('%s', (_name, never) => {
    test.each(STAGES)('at %s', async (stage) => {
      let calls = 0;
      const signals: AbortSignal[] = [];
      const errors = await failing(
        on(stage, (_event, { signal }) => {
          if (calls++ > 0) return undefined;
          signals.push(signal);
          return never();
        }),
        { timeouts: { reply: 200, eom: 200 } },
      );

      const client = await bench().connect();
      expect(await converse(client, MESSAGE)).toEqual(refusedByPostfix(stage, TEMPFAIL));
      expect(errors).toMatchObject([{ name: 'UnansweredError', stage }]);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
      await client.quit();

      expect(await converse(await bench().connect(), MESSAGE)).toEqual(TAKEN);
    });
  });

  test('the connection lives on after a failure', async () => {
    let failures = 0;
    const errors = await failing(
      on('mail', () => {
        if (failures++ === 0) throw new Error('oh no');
        return undefined;
      }),
    );
    const client = await bench().greeted();

    expect(await client.deliver({ data: MESSAGE })).toBe(TEMPFAIL);
    expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect(errors).toHaveLength(1);
  });

  test('one recipient that cannot be judged is one recipient', async () => {
    const errors = await failing(
      on('rcpt', ({ address }) => {
        if (address === 'bob@dst.example') throw new Error('oh no');
      }),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');

    expect(await client.command('RCPT TO:<ann@dst.example>')).toBe('250 2.1.5 Ok');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe(TEMPFAIL);
    await client.command('DATA');
    expect(await client.content(MESSAGE)).toMatch(/^250 /);
    expect((await bench().sink.next()).rcpts).toHaveLength(1);
    expect(errors).toHaveLength(1);
  });

  test('another decision for failures', async () => {
    const errors = await failing(
      on('rcpt', () => {
        throw new Error('oh no');
      }),
      { failure: reject({ code: 550, enhanced: '5.3.0', text: 'not my day' }) },
    );

    expect(await (await bench().greeted()).deliver({ data: MESSAGE })).toBe('550 5.3.0 not my day');
    expect(errors).toHaveLength(1);
  });

  test('modifications are not made when a later filter fails', async () => {
    let failures = 0;
    const errors = await failing(
      on('eom', () => [
        addHeader('X-Half', 'done'),
        replaceBody(
          (function* () {
            yield 'half a body';
            if (failures++ === 0) throw new Error('oh no');
          })(),
        ),
      ]),
    );
    const client = await bench().greeted();

    expect(await client.deliver({ data: MESSAGE })).toBe(TEMPFAIL);
    expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Half: done\r\n\r\nhalf a body\r\n');
    await bench().postfix.queue.idle();
    expect(bench().sink.kept).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  test('an operator that swallows an event', async () => {
    const errors = await failing(
      keep((event) => event.stage !== 'rcpt'),
      { timeouts: { reply: 200 } },
    );
    const client = await bench().greeted();

    expect(await client.deliver({ data: MESSAGE })).toBe(TEMPFAIL);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(UnansweredError);
    expect(await client.command('MAIL FROM:<alice@src.example>')).toMatch(/^503 /); // still in that transaction
    expect(await client.command('RSET')).toBe('250 2.0.0 Ok');
  });

  test('a filter that refuses to negotiate leaves it to Postfix what to do', async () => {
    bench().tolerate(
      /milter inet:127\.0\.0\.1:\d+: (?:can't read SMFIC_OPTNEG|read error in initial handshake)/,
    );
    const errors = await failing(
      on('mail', () => undefined),
      { negotiate: () => reject() },
    );

    expect(await (await bench().greeted()).deliver({ data: MESSAGE })).toBe('550 5.5.0 Service unavailable');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(NegotiationError);
  });

  test('a long decision at the end of a message is waited for', async () => {
    // longer than Postfix waits for a filter that gives no sign of life
    await bench().serve(
      on('eom', async () => {
        await pause(4500);
        return addHeader('X-Late', 'yes');
      }),
      { timeouts: { progress: 200 } },
    );

    expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Late: yes\r\n');
  });

  describe('a Postfix that does not wait any longer', () => {
    const GIVEN_UP =
      /milter inet:127\.0\.0\.1:\d+: can't read SMFIC_BODYEOB reply packet header: Connection timed out/;

    test('ends what the filter does for it', async () => {
      bench().tolerate(GIVEN_UP);
      const signals: AbortSignal[] = [];
      await bench().serve(
        on('eom', (_event, { signal }) => {
          if (signals.push(signal) > 1) return undefined;
          return new Promise<undefined>(() => undefined);
        }),
        { timeouts: { progress: 60_000 } },
      );

      expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toBe(
        '550 5.5.0 Service unavailable',
      );
      await eventually('the end of the work', () => signals[0]?.aborted === true);
      expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toMatch(/^250 /);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    });

    test('ends the stream that was to be the new body', async () => {
      bench().tolerate(/milter inet:127\.0\.0\.1:\d+: can't read SMFIC_BODYEOB reply packet header/);
      const body = new Readable({ read: () => undefined });
      body.push('the beginning of a body');
      await bench().serve(on('eom', () => replaceBody(body)));

      expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toBe(
        '550 5.5.0 Service unavailable',
      );
      await eventually('the end of the stream', () => body.destroyed);
      await bench().postfix.queue.idle();
      expect(bench().sink.kept).toEqual([]);
    });
  });
});
