import { expect, test } from 'vitest';
import { observe, on, reject, tempfail, type MilterEvent } from '../../../src/index.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';
import { noting } from '../support/noting.js';
import { stages } from '../support/stages.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';

describePostfix('events behind Postfix', (bench) => {
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
    // Postfix may keep back what it wants no answer to, until it wants one; before 3.10 it tells the first word only
    const command = bench().postfix.atLeast(3, 10) ? 'FROBNICATE all of it' : 'FROBNICATE';
    expect(seen.filter(({ stage }) => stage === 'unknown')).toMatchObject([{ command }]);
  });

  test('an unknown command is refused in the words of the filter', async () => {
    await bench().serve(
      on('unknown', ({ command }) =>
        command.startsWith('LATER')
          ? tempfail('later')
          : reject({ code: 502, enhanced: '5.5.1', text: 'not here' }),
      ),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<alice@src.example>');
    // from 3.10 on Postfix has words of its own for what is refused for good
    const refusal = bench().postfix.atLeast(3, 10) ? /^500 5\.5\.2 / : /^502 5\.5\.1 not here$/;
    expect(await client.command('FROBNICATE all of it')).toMatch(refusal);
    expect(await client.command('LATER')).toBe('451 4.7.1 later');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe('250 2.1.5 Ok');
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);
  });
});
