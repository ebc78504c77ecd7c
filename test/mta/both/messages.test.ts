import { compose, on, onMessage, reject, type MessageOutcome } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { eventually } from '../support/eventually.js';

const DATA = 'Subject: messages\r\n\r\nThe body.\r\n';

describeMtas('the messages of a server', (bench) => {
  test('are told when they are over, with the queue id of the mail server', async () => {
    const filter = compose(
      on('rcpt', ({ address }) => address.startsWith('bob') && reject('Not bob')),
      onMessage(({ headers }, { draft }) => {
        draft.headers.append('X-Told', 'yes');
        return headers.get('Subject') === 'no' && reject('As a whole');
      }),
    );
    const server = await bench().serve(filter);
    const all: MessageOutcome[] = [];
    server.messages.subscribe((message) => void all.push(message));

    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.command('RCPT TO:<ann@dst.example>');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^550 5\.7\.1 .*Not bob/);
    await client.command('DATA');
    const reply = await client.content(DATA);
    expect(reply).toMatch(/^250 /);
    const rcpts = ['<carl@dst.example>'];
    expect(await client.deliver({ rcpts, data: DATA.replace('messages', 'no') })).toMatch(
      /^550 5\.7\.1 As a whole/,
    );
    await client.command('MAIL FROM:<gone@src.example>');
    await client.command('RCPT TO:<ann@dst.example>');
    await client.command('RSET');
    await client.quit();
    expect((await bench().sink.next()).data.toString()).toContain('X-Told: yes\r\n');

    await eventually('three messages', () => all.length === 3);
    expect(all.map(({ result, stage, text }) => [result, stage, text])).toEqual([
      ['accepted', undefined, ''],
      ['refused', 'eom', '550 5.7.1 As a whole'],
      ['aborted', undefined, ''],
    ]);
    const [first, , last] = all;
    expect(first?.recipients).toEqual([
      { address: 'ann@dst.example', result: 'accepted', text: '' },
      { address: 'bob@dst.example', result: 'refused', text: '550 5.7.1 Not bob' },
    ]);
    expect(reply).toContain(first?.queueId ?? 'no queue id');
    expect(first?.modifications.map(({ kind }) => kind)).toEqual(['addHeader']);
    expect(last?.sender).toBe('gone@src.example');
  });
});
