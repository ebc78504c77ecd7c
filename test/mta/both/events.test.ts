import { observe, type MilterEvent } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';
import { noting } from '../support/noting.js';
import { stages } from '../support/stages.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';

describeMtas('events', (bench, mta) => {
  /** Sendmail looks for the name of the client, Postfix is told not to. */
  const host = { postfix: '[127.0.0.1]', sendmail: 'localhost' }[mta];

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
    expect(connect).toMatchObject({ host, family: 'inet', address: '127.0.0.1' });
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
      client: { host, family: 'inet', address: '127.0.0.1' },
    });
  });

  test('macros are there where the MTA sends them', async () => {
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
      'eom i': TOLD_BY[mta].queueId.exec(reply)?.[1],
      'eom {mail_addr}': 'alice@src.example',
    });
  });

  test('what the client has written is there byte for byte', async () => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen));
    const client = await bench().connect();
    await client.reply();
    await client.command('ehlo CLIENT.Example');
    await client.deliver({
      mail: '<Alice+Tag@SRC.example> size=100',
      rcpts: ['<"bob b"@dst.example>', '<Cid@Dst.Example>'],
      data: DATA,
    });

    const raws = seen.flatMap((event) =>
      event.stage === 'helo' || event.stage === 'mail' || event.stage === 'rcpt' ? [event] : [],
    );
    expect(raws.map(({ raw }) => Buffer.from(raw).toString('latin1'))).toEqual([
      'CLIENT.Example',
      '<Alice+Tag@SRC.example>',
      '<"bob b"@dst.example>',
      '<Cid@Dst.Example>',
    ]);
    expect(raws[1]).toMatchObject({ args: ['size=100'], params: { SIZE: '100' } });
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
});
