import { accept, addHeader, compose, discard, observe, on, reject, type Filter } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { plainRecipients } from '../support/plain-recipients.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: scope\r\n\r\nThe body.\r\n';
const RCPTS = ['<ann@dst.example>', '<bob@dst.example>', '<cid@dst.example>'];

/** Notes the stages that reach the filter after the connection is there. */
function noting(seen: string[]): Filter {
  return observe(
    ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'],
    ({ stage }) => void seen.push(stage),
  );
}

describeMtas('how far a decision goes', (bench, mta) => {
  const told = TOLD_BY[mta];

  test('a refused recipient is refused alone', async () => {
    await bench().serve(
      on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject('not bob') : undefined)),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<ann@dst.example>')).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe(
      told.reply('550 5.7.1 not bob', '<bob@dst.example>'),
    );
    expect(await client.command('RCPT TO:<cid@dst.example>')).toMatch(/^250 /);
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 2\.0\.0 /);

    expect(plainRecipients(await bench().sink.next())).toEqual(['<ann@dst.example>', '<cid@dst.example>']);
  });

  test('when all recipients are refused there is no message', async () => {
    const seen: string[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('rcpt', () => reject()),
      ),
    );
    const client = await bench().greeted();

    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<ann@dst.example>')).toBe(
      told.rejected.command('<ann@dst.example>'),
    );
    expect(await client.command('DATA')).toMatch(/^5(?:54 5\.5\.1|03 5\.0\.0) /);
    await client.quit();

    expect(seen).toEqual(['mail', 'rcpt']);
  });

  test('accept at a recipient holds for the whole message and no further', async () => {
    const seen: string[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('rcpt', ({ address }) => (address === 'ann@dst.example' ? accept() : undefined)),
        on('eom', () => addHeader('X-Filtered', 'yes')),
      ),
    );
    const client = await bench().greeted();

    expect(await client.deliver({ rcpts: RCPTS, data: DATA })).toMatch(/^250 /);
    const accepted = await bench().sink.next();
    expect(await client.deliver({ rcpts: ['<bob@dst.example>'], data: DATA })).toMatch(/^250 /);
    const filtered = await bench().sink.next();

    expect(seen).toEqual(['mail', 'rcpt', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom']);
    expect(accepted.rcpts).toHaveLength(3);
    expect(accepted.data.toString()).not.toContain('X-Filtered');
    expect(filtered.data.toString()).toContain('X-Filtered: yes\r\n');
  });

  test('discard at a recipient holds for the whole message and no further', async () => {
    await bench().serve(on('rcpt', ({ address }) => (address === 'bob@dst.example' ? discard() : undefined)));
    const client = await bench().greeted();

    expect(await client.deliver({ rcpts: RCPTS, data: DATA })).toMatch(/^250 /);
    expect(await client.deliver({ rcpts: ['<dan@dst.example>'], data: DATA })).toMatch(/^250 /);

    const delivered = await bench().sink.next();
    expect(plainRecipients(delivered)).toEqual(['<dan@dst.example>']);
    await bench().idle();
    expect(bench().sink.kept).toEqual([]);
  });

  test('accept at the connection lets all its messages pass unfiltered', async () => {
    const seen: string[] = [];
    await bench().serve(
      compose(
        noting(seen),
        on('connect', () => accept()),
        on('mail', () => reject()),
      ),
    );
    const client = await bench().greeted();

    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect(seen).toEqual([]);
  });

  test('after a refusal at DATA the client may go on with the same transaction', async () => {
    let refusals = 0;
    await bench().serve(on('data', () => (refusals++ === 0 ? reject('not like this') : undefined)));
    const client = await bench().greeted();

    expect(await client.deliver({ rcpts: ['<ann@dst.example>'], data: DATA })).toBe(
      '550 5.7.1 not like this',
    );
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    expect(await client.command('DATA')).toMatch(/^354 /);
    expect(await client.content(DATA)).toMatch(/^250 /);

    expect((await bench().sink.next()).rcpts).toHaveLength(2);
  });

  test('modifications of a refused or discarded message are moot', async () => {
    await bench().serve(on('header', ({ value }) => (value === 'refuse me' ? reject() : undefined)));
    const client = await bench().greeted();

    expect(await client.deliver({ data: 'Subject: refuse me\r\n\r\n' })).toBe(told.rejected.content);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain(DATA);
  });
});
