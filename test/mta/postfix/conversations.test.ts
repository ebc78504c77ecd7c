import { expect, test } from 'vitest';
import {
  addHeader,
  compose,
  observe,
  on,
  perMessage,
  reject,
  tempfail,
  type Filter,
  type MilterEvent,
} from '../../../src/index.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';
const EVERYTHING = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
  'eom',
  'unknown',
] as const;

/** Notes every event, the two that cannot be answered among them. */
function noting(seen: MilterEvent[]): Filter {
  return observe([...EVERYTHING, 'abort', 'close'], (event) => void seen.push(event));
}

function stages(seen: readonly MilterEvent[]): string[] {
  return seen.map(({ stage }) => stage);
}

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

  test('the events tell what the client has said', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen), { macros: { connect: ['j', '{client_addr}', '{daemon_name}'] } });
    const client = await bench().greeted();
    await client.deliver({
      mail: '<alice@src.example> BODY=8BITMIME SIZE=100',
      rcpts: ['<bob@dst.example> NOTIFY=NEVER'],
      data: DATA,
    });
    await client.quit();
    await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));

    expect(stages(seen)).toEqual([
      'connect',
      'helo',
      'mail',
      'rcpt',
      'data',
      'header',
      'eoh',
      'body',
      'eom',
      'close',
    ]);
    const [connect, helo, mail, rcpt, , header, , body] = seen;
    expect(connect).toMatchObject({ host: '[127.0.0.1]', family: 'inet', address: '127.0.0.1' });
    expect(helo).toMatchObject({ name: 'client.example' });
    expect(mail).toMatchObject({
      address: 'alice@src.example',
      args: ['BODY=8BITMIME', 'SIZE=100'],
      params: { BODY: '8BITMIME', SIZE: '100' },
    });
    expect(rcpt).toMatchObject({ address: 'bob@dst.example', params: { NOTIFY: 'NEVER' } });
    expect(rcpt).toMatchObject({ mail: { address: 'alice@src.example' } });
    expect(header).toMatchObject({ name: 'Subject', value: 'conversation' });
    expect(body).toMatchObject({ chunk: Buffer.from('The body.\r\n') });
    expect(connect?.session).toMatchObject({
      version: 6,
      helo: 'client.example',
      client: { host: '[127.0.0.1]', family: 'inet', address: '127.0.0.1' },
    });
  });

  test('macros are there where Postfix sends them', async () => {
    const seen: Record<string, string | undefined> = {};
    await bench().serve(
      observe(['connect', 'eom'], ({ stage, session }) => {
        for (const name of ['j', '{client_addr}', 'i', '{mail_addr}']) {
          seen[`${stage} ${name}`] = session.macros.get(name);
        }
      }),
      { macros: { connect: ['j', '{client_addr}'], mail: ['{mail_addr}'], eom: ['i'] } },
    );
    const reply = await (await bench().greeted()).deliver({ data: DATA });

    expect(seen).toEqual({
      'connect j': 'mx.test.example',
      'connect {client_addr}': '127.0.0.1',
      'connect i': undefined,
      'connect {mail_addr}': undefined,
      'eom j': 'mx.test.example',
      'eom {client_addr}': '127.0.0.1',
      'eom i': reply.replace('250 2.0.0 Ok: queued as ', ''),
      'eom {mail_addr}': 'alice@src.example',
    });
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

  test('a null sender has an empty address', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    expect(await (await bench().greeted()).deliver({ mail: '<>', data: DATA })).toMatch(/^250 /);

    expect(seen.find(({ stage }) => stage === 'mail')).toMatchObject({ address: '', args: [] });
    expect((await bench().sink.next()).mail).toBe('<>');
  });

  test('a message without headers and body', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    expect(await (await bench().greeted()).deliver({ data: '' })).toMatch(/^250 /);

    expect(stages(seen).slice(4)).toEqual(['data', 'eoh', 'eom']);
    await bench().sink.next();
  });

  test('an unknown command is refused by Postfix when the filter says nothing', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().greeted();

    expect(await client.command('FROBNICATE all of it')).toBe('500 5.5.2 Error: command not recognized');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    // Postfix may keep back what it wants no answer to, until it wants one
    expect(seen.filter(({ stage }) => stage === 'unknown')).toMatchObject([{ command: 'FROBNICATE' }]);
  });

  test('an unknown command is refused in the words of the filter', async () => {
    await bench().serve(
      on('unknown', ({ command }) =>
        command === 'LATER'
          ? tempfail('later')
          : reject({ code: 502, enhanced: '5.5.1', text: `no ${command} here` }),
      ),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('FROBNICATE all of it')).toBe('502 5.5.1 no FROBNICATE here');
    expect(await client.command('LATER')).toBe('451 4.7.1 later');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe('250 2.1.5 Ok');
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);
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
