import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { NEVER, filter as keep, throwError } from 'rxjs';
import {
  addHeader,
  NegotiationError,
  on,
  ProjectError,
  reject,
  replaceBody,
  type serve,
  UnansweredError,
  UngrantedError,
  type ServeOptions,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { converse } from '../support/conversation.js';
import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { STAGES } from '../support/refused-by-postfix.js';
import { TOLD_BY } from '../support/told-by.js';

const MESSAGE = 'Subject: a failure\r\n\r\nThe body.\r\n';

/** What an MTA logs of a filter that ends the connection at its negotiation. */
const NO_TERMS = {
  postfix: /milter inet:127\.0\.0\.1:\d+: (?:can't read SMFIC_OPTNEG|read error in initial handshake)/,
  sendmail:
    /Milter \(unix\): to error state|init failed to open|milter_sys_read\(unix\): cmd read returned 0/,
};

/** What a client is told where the MTA lacks a right. Sendmail drops the words of a refusal at CONNECT. */
const LACKING = {
  postfix: '451 4.3.5 Server configuration problem, try again later',
  sendmail: TOLD_BY.sendmail.tempfailed,
};

/** What an MTA logs when it does not wait for a filter any longer. */
const GIVEN_UP = {
  postfix: /milter inet:127\.0\.0\.1:\d+: can't read SMFIC_BODYEOB reply packet header: Connection timed out/,
  sendmail: /Milter \(hasty\): (?:timeout before data read|to error state)/,
};

describeMtas('failing filters', (bench, mta) => {
  const told = TOLD_BY[mta];

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
      expect(await converse(client, MESSAGE)).toEqual(told.refused(stage, false));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toBeInstanceOf(ProjectError);
      expect(errors[0]).toMatchObject({ stage, cause: { message: 'oh no' } });
      await client.quit();

      expect(await converse(await bench().connect(), MESSAGE)).toEqual(told.taken);
      expect(errors).toHaveLength(1);
    });
  });

  describe('a decision that never comes', () => {
    test.each([
      ...STAGES.map((stage) => [stage, 'promise', () => new Promise<undefined>(() => undefined)] as const),
      ['rcpt', 'Observable', () => NEVER],
    ] as const)('at %s, from a %s', async (stage, _name, never) => {
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
      expect(await converse(client, MESSAGE)).toEqual(told.refused(stage, false));
      expect(errors).toMatchObject([{ name: 'UnansweredError', stage }]);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
      await client.quit();

      expect(await converse(await bench().connect(), MESSAGE)).toEqual(told.taken);
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

    expect(await client.deliver({ data: MESSAGE })).toBe(told.tempfailed);
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

    expect(await client.command('RCPT TO:<ann@dst.example>')).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe(told.tempfailed);
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

    expect(await (await bench().greeted()).deliver({ data: MESSAGE })).toBe(
      told.reply('550 5.3.0 not my day', '<bob@dst.example>'),
    );
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

    expect(await client.deliver({ data: MESSAGE })).toBe(told.tempfailed);
    expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Half: done\r\n\r\nhalf a body\r\n');
    await bench().idle();
    expect(bench().sink.kept).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  test('an operator that swallows an event', async () => {
    const errors = await failing(
      keep((event) => event.stage !== 'rcpt'),
      { timeouts: { reply: 200 } },
    );
    const client = await bench().greeted();

    expect(await client.deliver({ data: MESSAGE })).toBe(told.tempfailed);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(UnansweredError);
    expect(await client.command('MAIL FROM:<alice@src.example>')).toMatch(/^503 /); // still in that transaction
    expect(await client.command('RSET')).toBe(told.taken.then);
  });

  test('a filter that refuses to negotiate leaves it to the MTA what to do', async () => {
    bench().tolerate(NO_TERMS[mta]);
    const errors = await failing(
      on('mail', () => undefined),
      { negotiate: () => reject() },
    );

    expect(await (await bench().greeted()).deliver({ data: MESSAGE })).toBe(told.broken.session);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(NegotiationError);
  });

  test('a filter that lacks a right defers all mail', async () => {
    const errors = await failing(
      on('mail', () => undefined),
      // To an MTA that is spoken to as one of version 2 nothing else is missing.
      { version: 2, requireRights: ['CHGFROM'] },
    );
    const client = await bench().greeted();

    expect(await client.deliver({ data: MESSAGE })).toBe(LACKING[mta]);
    await client.command('RSET');
    expect(await client.deliver({ data: MESSAGE })).toBe(LACKING[mta]);
    expect(await (await bench().greeted()).deliver({ data: MESSAGE })).toBe(LACKING[mta]);
    // Three messages, two connections, one mail server.
    expect(errors).toEqual([expect.any(UngrantedError)]);
  });

  test('a long decision at the end of a message is waited for', async () => {
    // longer than the MTA waits for a filter that gives no sign of life
    await bench().serve(
      on('eom', async () => {
        await pause(2600);
        return addHeader('X-Late', 'yes');
      }),
      { timeouts: { progress: 200 } },
    );

    expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Late: yes\r\n');
  });

  describe('an MTA that does not wait any longer', () => {
    test('ends what the filter does for it', async () => {
      bench().tolerate(GIVEN_UP[mta]);
      const signals: AbortSignal[] = [];
      await bench().serve(
        on('eom', (_event, { signal }) => {
          if (signals.push(signal) > 1) return undefined;
          return new Promise<undefined>(() => undefined);
        }),
        { timeouts: { progress: 60_000 } },
      );

      expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toBe(told.broken.content);
      await eventually('the end of the work', () => signals[0]?.aborted === true);
      expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toMatch(/^250 /);
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    });

    test('ends the stream that was to be the new body', async () => {
      bench().tolerate(GIVEN_UP[mta]);
      const body = new Readable({ read: () => undefined });
      body.push('the beginning of a body');
      await bench().serve(on('eom', () => replaceBody(body)));

      expect(await (await bench().greeted('hasty')).deliver({ data: MESSAGE })).toBe(told.broken.content);
      await eventually('the end of the stream', () => body.destroyed);
      await bench().idle();
      expect(bench().sink.kept).toEqual([]);
    });
  });
});
