import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Subject } from 'rxjs';
import {
  addHeader,
  compose,
  on,
  onMessage,
  reject,
  remote,
  replaceBody,
  serve,
  shadow,
  type Difference,
} from 'rxmilter';
import { expect, onTestFinished, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';

const DATA = 'Subject: shadow\r\nX-Old: 1\r\n\r\nThe body.\r\n';

function line({ event, would, did }: Difference): string {
  const error = would.error === undefined ? '' : ` ${would.error.name}`;
  return `${event.stage} ${would.decision?.kind ?? '-'}${error}, not ${did.decision?.kind ?? '-'}`;
}

describeMtas('a filter in the shadow', (bench) => {
  test('refuses nothing and changes nothing, and tells what it would have done', async () => {
    const differences = new Subject<Difference>();
    const told: string[] = [];
    const queueIds: unknown[] = [];
    differences.subscribe((one) => {
      told.push(line(one));
      if (one.event.stage === 'eom') queueIds.push(one.session.macros.get('i'));
    });
    const rules = compose(
      on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject('not bob') : undefined)),
      onMessage(async (message, { signal }) => {
        await pause(20, undefined, { signal });
        return [addHeader('X-Recipients', String(message.recipients.length)), replaceBody('gone\r\n')];
      }),
    );
    await bench().serve(
      compose(
        shadow(rules, differences),
        on('eom', () => addHeader('X-Filter', 'yes')),
      ),
    );
    const client = await bench().greeted();
    const rcpts = ['<ann@dst.example>', '<bob@dst.example>'];
    expect(await client.deliver({ rcpts, data: DATA })).toMatch(/^250 /);
    await client.quit();

    const { data, rcpts: delivered } = await bench().sink.next();
    expect(delivered).toHaveLength(2);
    expect(data.toString()).toContain('X-Filter: yes\r\n');
    expect(data.toString()).toContain('\r\n\r\nThe body.\r\n');
    expect(data.toString()).not.toContain('X-Recipients');
    await eventually('both differences', () => told.length === 2);
    expect(told).toEqual(['rcpt reject, not -', 'eom -, not allow']);
    // That of the message, which was over by then.
    expect(queueIds).toEqual([expect.stringMatching(/^\w+$/)]);
  });

  test('does not slow down the mail, however slow it is, and gives up what becomes too much', async () => {
    const told: Difference[] = [];
    const signals: AbortSignal[] = [];
    const never = onMessage({ body: 'stream' }, async ({ body }, { signal }) => {
      signals.push(signal);
      for await (const _chunk of body) await new Promise(() => undefined);
    });
    const digests: string[] = [];
    await bench().serve(
      compose(
        shadow(never, (one) => void told.push(one), { maxBytes: 200_000, linger: 0 }),
        onMessage(async ({ body }) => {
          digests.push(
            createHash('sha256')
              .update(await body.bytes())
              .digest('hex'),
          );
        }),
      ),
    );
    const body = `${'0123456789'.repeat(7)}\r\n`.repeat(15_000);
    const client = await bench().greeted();
    expect(await client.deliver({ data: `Subject: large\r\n\r\n${body}` })).toMatch(/^250 /);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    await client.quit();

    expect(digests[0]).toBe(createHash('sha256').update(body).digest('hex'));
    await eventually('both messages are given up', () => told.length === 2);
    expect(told[0]?.would.error?.message).toMatch(/at stage body was not answered: more than 200000 bytes/);
    expect(signals).toHaveLength(2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  test('may be another milter, which is not there, too', async () => {
    const told: string[] = [];
    const milter = await serve(
      on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject('not bob') : undefined)),
      { listen: 'inet:0@127.0.0.1' },
    );
    onTestFinished(() => milter.destroy());
    const nowhere = `inet:${String(await freePort())}@127.0.0.1`;
    await bench().serve(
      compose(
        shadow(remote(milter.address), (one) => void told.push(line(one))),
        shadow(remote(nowhere, { stages: ['rcpt'] }), (one) => void told.push(line(one))),
      ),
    );
    const client = await bench().greeted();
    for (const rcpt of ['<ann@dst.example>', '<bob@dst.example>']) {
      expect(await client.deliver({ rcpts: [rcpt], data: DATA })).toMatch(/^250 /);
    }
    await client.quit();
    await eventually('three differences', () => told.length === 3);
    expect([...told].sort()).toEqual([
      'rcpt reject, not -',
      'rcpt tempfail RemoteError, not -',
      'rcpt tempfail RemoteError, not -',
    ]);
  });

  test('is over with a message that is aborted', async () => {
    const told: string[] = [];
    const signals: AbortSignal[] = [];
    await bench().serve(
      shadow(
        on('mail', (_mail, { signal }) => {
          signals.push(signal);
          return signals.length === 1 ? new Promise(() => undefined) : reject();
        }),
        (one) => void told.push(line(one)),
      ),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.command('RSET');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    await client.quit();
    // Nothing of all that is answered, so the MTA may keep it for a while before it sends it.
    await eventually('a difference', () => told.length > 0);
    expect(told).toEqual(['mail reject, not -']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });
});
