import { addHeader, compose, observe, on, reject, replaceBody } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: two filters\r\n\r\nThe body.\r\n';

describeMtas('two filters, each on its own socket,', (bench, mta) => {
  const told = TOLD_BY[mta];

  test('the second one sees what the first one has made of the message', async () => {
    const headers: string[] = [];
    const body: Uint8Array[] = [];
    await bench().serve(
      on('eom', () => [addHeader('X-First', '1'), replaceBody('Body of the first.\r\n')]),
      { listen: bench().milter.inet },
    );
    await bench().serve(
      compose(
        observe('header', ({ name, value }) => void headers.push(`${name}: ${value}`)),
        observe('body', ({ chunk }) => void body.push(Buffer.from(chunk))),
        on('eom', () => addHeader('X-Second', '2')),
      ),
      { listen: bench().milter.unix, mode: 0o666 },
    );
    expect(await (await bench().greeted('both')).deliver({ data: DATA })).toMatch(/^250 /);

    expect(headers).toEqual(['Subject: two filters', 'X-First: 1']);
    expect(Buffer.concat(body).toString()).toBe('Body of the first.\r\n');
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}Subject: two filters\r\nX-First: 1\r\nX-Second: 2\r\n\r\nBody of the first.\r\n`,
    );
  });

  test('what one of them refuses does not reach the other', async () => {
    const rcpts: string[] = [];
    await bench().serve(
      on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject() : undefined)),
      { listen: bench().milter.inet },
    );
    await bench().serve(
      observe('rcpt', ({ address }) => void rcpts.push(address)),
      {
        listen: bench().milter.unix,
        mode: 0o666,
      },
    );
    const client = await bench().greeted('both');
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<ann@dst.example>')).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe(
      told.rejected.command('<bob@dst.example>'),
    );
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);

    expect(rcpts).toEqual(['ann@dst.example']);
  });
});
