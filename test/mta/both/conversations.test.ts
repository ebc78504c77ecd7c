import { addHeader, compose, observe, on, perMessage, reject, type MilterEvent } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { noting } from '../support/noting.js';
import { stages } from '../support/stages.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';
const COMMANDS = {
  MAIL: 'MAIL FROM:<alice@src.example>',
  RCPT: 'RCPT TO:<bob@dst.example>',
  DATA: 'DATA',
};

describeMtas('conversations', (bench, mta) => {
  const told = TOLD_BY[mta];

  test('two messages on one connection have nothing in common', async () => {
    await bench().serve(
      perMessage(() => {
        const rcpts: string[] = [];
        return compose(
          observe('rcpt', ({ address }) => void rcpts.push(address)),
          on('eom', ({ session }) =>
            addHeader('X-Seen', `${session.macros.get('i') ?? ''} ${rcpts.join(',')}`),
          ),
        );
      }),
    );
    const client = await bench().greeted();

    const first = await client.deliver({ rcpts: ['<ann@dst.example>', '<bob@dst.example>'], data: DATA });
    const second = await client.deliver({ rcpts: ['<cid@dst.example>'], data: DATA });

    const queueId = (reply: string): string => told.queueId.exec(reply)?.[1] ?? reply;
    const one = await bench().sink.waitFor(({ rcpts }) => rcpts.length === 2);
    const two = await bench().sink.waitFor(({ rcpts }) => rcpts.length === 1);
    expect(one.data.toString()).toContain(`X-Seen: ${queueId(first)} ann@dst.example,bob@dst.example\r\n`);
    expect(two.data.toString()).toContain(`X-Seen: ${queueId(second)} cid@dst.example\r\n`);
  });

  test('RSET drops a message, and the next one starts clean', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();

    await client.command('MAIL FROM:<dropped@src.example>');
    await client.command('RCPT TO:<ann@dst.example>');
    expect(await client.command('RSET')).toBe(told.taken.then);
    expect(await client.deliver({ rcpts: ['<bob@dst.example>'], data: DATA })).toMatch(/^250 /);
    await client.quit();
    await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));

    expect(stages(seen)).toEqual([
      ...['connect', 'helo', 'mail', 'rcpt', 'abort'],
      ...['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'close'],
    ]);
    expect((await bench().sink.next()).rcpts).toHaveLength(1);
  });

  test('EHLO in the middle of a message drops the message and keeps the new name', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('eom', ({ session }) => addHeader('X-Helo', session.helo ?? '')),
      ),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<dropped@src.example>');
    await client.command('RCPT TO:<ann@dst.example>');
    expect(await client.command('EHLO second.example')).toMatch(/^250-/);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);

    expect(stages(seen).filter((stage) => stage === 'helo')).toHaveLength(2);
    expect(stages(seen).filter((stage) => stage === 'abort')).toHaveLength(1);
    expect((await bench().sink.next()).data.toString()).toContain('X-Helo: second.example\r\n');
  });

  test('QUIT in the middle of a message ends it', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.quit();

    await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));
    expect(stages(seen)).toEqual(['connect', 'helo', 'mail', 'abort', 'close']);
  });

  test.each([
    ['after EHLO', [], '', []],
    ['after MAIL', ['MAIL'], '', ['mail', 'abort']],
    ['after RCPT', ['MAIL', 'RCPT'], '', ['mail', 'rcpt', 'abort']],
    ['after DATA', ['MAIL', 'RCPT', 'DATA'], '', ['mail', 'rcpt', 'data', 'abort']],
    ['in its headers', ['MAIL', 'RCPT', 'DATA'], 'Subject: unfin', ['mail', 'rcpt', 'data', 'abort']],
    ['in its body', ['MAIL', 'RCPT', 'DATA'], `${DATA}in the mid`, ['mail', 'rcpt', 'data', 'abort']],
  ] as const)('a client that vanishes %s', async (_name, commands, content, expected) => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();
    for (const command of commands) await client.command(COMMANDS[command]);
    client.write(content);
    client.destroy();

    await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));
    expect(stages(seen)).toEqual(['connect', 'helo', ...expected, 'close']);
    expect(await (await bench().greeted()).deliver({ data: DATA })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain(DATA);
  });

  test('a client that only looks in', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().connect();
    await client.reply();
    client.destroy();

    await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));
    expect(stages(seen)).toEqual(['connect', 'close']);
  });

  test('a client that sends all its commands at once', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject('not bob') : undefined)),
      ),
    );
    const client = await bench().greeted();
    client.write(
      [
        'MAIL FROM:<alice@src.example>',
        'RCPT TO:<ann@dst.example>',
        'RCPT TO:<bob@dst.example>',
        'RCPT TO:<cid@dst.example>',
        'DATA\r\n',
      ].join('\r\n'),
    );

    expect(await client.reply()).toBe(told.taken.mail);
    expect(await client.reply()).toMatch(/^250 2\.1\.5 /);
    expect(await client.reply()).toBe(told.reply('550 5.7.1 not bob', '<bob@dst.example>'));
    expect(await client.reply()).toMatch(/^250 2\.1\.5 /);
    expect(await client.reply()).toMatch(/^354 /);
    expect(await client.content(DATA)).toMatch(/^250 /);
    expect((await bench().sink.next()).rcpts).toHaveLength(2);
  });
});
