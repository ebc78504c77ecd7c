import { addHeader, compose, on, type MilterEvent } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { noting } from '../support/noting.js';
import { stages } from '../support/stages.js';

const DATA = 'Subject: conversation\r\n\r\nThe body.\r\n';

describePostfix('chunks and other clients behind Postfix', (bench) => {
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
