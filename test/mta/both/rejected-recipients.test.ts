import { accept, addHeader, compose, discard, on, allow, reject, tempfail, type Rcpt } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { describeSendmail } from '../support/describe-sendmail.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import type { MtaBench } from '../support/mta-bench.js';

/** A mailbox of the MTA's own domain that there is not. */
const NOBODY = 'no-such-user@mx.test.example';

/** What an MTA tells the client, and what it tells the filter of that. */
interface Words {
  readonly client: string;
  readonly filter: () => Rcpt['rejected'];
}

function rejectedRecipients(bench: () => MtaBench, words: Words): void {
  test('are shown to a filter that asks for them, with what the client is told', async () => {
    const seen: [string, Rcpt['rejected']][] = [];
    await bench().serve(
      on('rcpt', ({ address, rejected }) => void seen.push([address, rejected])),
      { rejectedRecipients: true },
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command(`RCPT TO:<${NOBODY}>`)).toBe(words.client);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    expect(seen).toEqual([
      [NOBODY, words.filter()],
      ['bob@dst.example', undefined],
    ]);
  });

  test('are not shown to one that does not', async () => {
    const seen: string[] = [];
    await bench().serve(on('rcpt', ({ address }) => void seen.push(address)));
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command(`RCPT TO:<${NOBODY}>`)).toBe(words.client);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    expect(seen).toEqual(['bob@dst.example']);
  });

  test.each([
    ['allow()', allow()],
    ['reject()', reject('my own words')],
    ['tempfail()', tempfail('my own words')],
    ['accept()', accept()],
    ['discard()', discard()],
  ])('stay rejected, and the message goes its way, whatever is decided: %s', async (_name, decision) => {
    await bench().serve(
      compose(
        on('rcpt', ({ rejected }) => rejected && decision),
        on('eom', () => addHeader('X-Filtered', 'yes')),
      ),
      { rejectedRecipients: true },
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command(`RCPT TO:<${NOBODY}>`)).toBe(words.client);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    expect(await client.command('DATA')).toMatch(/^354 /);
    expect(await client.content('X-In: 1\r\n\r\nBody\r\n')).toMatch(/^250 /);
    const { rcpts, data } = await bench().sink.next();
    expect(rcpts).toEqual([expect.stringMatching(/^<bob@dst\.example>/)]);
    expect(maskReceived(data)).toBe(`${RECEIVED}X-In: 1\r\nX-Filtered: yes\r\n\r\nBody\r\n`);
    const wrong = decision.kind === 'accept' || decision.kind === 'discard';
    expect(bench().errors).toHaveLength(wrong ? 1 : 0);
    bench().errors = [];
  });
}

describePostfix(
  'recipients that Postfix rejects',
  (bench) =>
    rejectedRecipients(bench, {
      client: `550 5.1.1 <${NOBODY}>: Recipient address rejected: User unknown in local recipient table`,
      filter: () => ({
        status: '5.1.1',
        text: 'Recipient address rejected: User unknown in local recipient table',
      }),
    }),
  () => ({ mydestination: 'mx.test.example', local_recipient_maps: 'inline:{ postmaster=x }' }),
);

describeSendmail('recipients that Sendmail rejects', (bench) =>
  rejectedRecipients(bench, {
    client: `550 5.1.1 <${NOBODY}>... User unknown`,
    // From 8.18 on it tells a filter neither.
    filter: () =>
      bench().sendmail.version.atLeast('8.18')
        ? { status: '', text: '' }
        : { status: '5.1.1', text: 'User unknown' },
  }),
);
