import { compose, on, reject } from 'rxmilter';
import { expect, test } from 'vitest';

import { rateLimits } from '../../../examples/rate-limits.mjs';
import { describePostfix } from '../support/describe-postfix.js';

const DATA = 'Subject: Offer\r\n\r\nHello\r\n';

describePostfix('the limits behind Postfix', (bench) => {
  async function limit(limits: Parameters<typeof rateLimits>[0]): Promise<void> {
    const { filter, outcomes } = rateLimits(limits);
    const nobody = on('rcpt', ({ address }) => address.startsWith('nobody@') && reject('Who?'));
    const server = await bench().serve(compose(filter, nobody));
    server.outcomes.subscribe(outcomes);
  }

  test('hold across connections', async () => {
    await limit({ perSender: 2 });
    for (const reply of [/^250 /, /^250 /, /^450 4\.7\.1 /]) {
      const client = await bench().greeted();
      expect(await client.deliver({ data: DATA })).toMatch(reply);
      await client.quit();
    }
    await bench().sink.next();
    await bench().sink.next();
  });

  test('put a network off that is refused again and again, at its next connection', async () => {
    await limit({ refusals: 2 });
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    for (let tried = 0; tried < 2; tried++) {
      expect(await client.command('RCPT TO:<nobody@dst.example>')).toMatch(/^550 /);
    }
    await client.quit();
    const next = await bench().connect();
    // Postfix has no words of a filter's for the greeting.
    expect(await next.reply()).toMatch(/^421 .*try again later$/);
  });
});
