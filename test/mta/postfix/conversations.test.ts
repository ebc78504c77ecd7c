import { expect, test } from 'vitest';
import { addHeader, compose, observe, on, perMessage, reject, type MilterEvent } from '../../../src/index.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';
import { noting } from '../support/noting.js';
import { stages } from '../support/stages.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';
describePostfix('conversations behind Postfix', (bench) => {
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

    const queueId = (reply: string): string => reply.replace('250 2.0.0 Ok: queued as ', '');
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
    expect(await client.command('RSET')).toBe('250 2.0.0 Ok');
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

  test('a client that vanishes while it sends a message', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.command('RCPT TO:<bob@dst.example>');
    await client.command('DATA');
    client.write('Subject: unfinished\r\n\r\nThe body ends in the mid');
    client.destroy();

    await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));
    expect(stages(seen)).toEqual(['connect', 'helo', 'mail', 'rcpt', 'data', 'abort', 'close']);
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

    expect(await client.reply()).toBe('250 2.1.0 Ok');
    expect(await client.reply()).toBe('250 2.1.5 Ok');
    expect(await client.reply()).toBe('550 5.7.1 not bob');
    expect(await client.reply()).toBe('250 2.1.5 Ok');
    expect(await client.reply()).toMatch(/^354 /);
    expect(await client.content(DATA)).toMatch(/^250 /);
    expect((await bench().sink.next()).rcpts).toHaveLength(2);
  });

  test('a message in chunks (BDAT)', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('eom', () => addHeader('X-Chunks', 'yes')),
      ),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.command('RCPT TO:<bob@dst.example>');
    client.write('BDAT 9\r\nSubject: ');
    expect(await client.reply()).toMatch(/^250 /);
    client.write('BDAT 13 LAST\r\nin chunks\r\n\r\n');
    expect(await client.reply()).toMatch(/^250 /);

    expect(stages(seen).slice(2)).toEqual(['mail', 'rcpt', 'data', 'header', 'eoh', 'eom']);
    expect((await bench().sink.next()).data.toString()).toContain(
      'Subject: in chunks\r\nX-Chunks: yes\r\n\r\n',
    );
  });

  test('a client that turns out to be another one (XCLIENT) is a new session', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();
    expect(await client.command('XCLIENT NAME=mail.example ADDR=192.0.2.7 PORT=2525')).toMatch(/^220 /);
    expect(await client.command('EHLO mail.example')).toMatch(/^250-/);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);

    const connects = seen.filter(({ stage }) => stage === 'connect');
    expect(connects).toMatchObject([
      { family: 'inet', address: '127.0.0.1' },
      { family: 'inet', address: '192.0.2.7', host: 'mail.example', port: 2525 },
    ]);
    expect(new Set(connects.map(({ session }) => session.id)).size).toBe(2);
  });
});
