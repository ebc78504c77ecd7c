import { expect, test } from 'vitest';

import { directoryOf, recipientValidation, type Directory } from '../../../examples/recipient-validation.mjs';
import { describePostfix } from '../support/describe-postfix.js';
import { Gate } from '../support/gate.js';
import { plainRecipients } from '../support/plain-recipients.js';

const DOMAINS = ['dst.example', 'xn--bcher-kva.example'];
const NO_SUCH_USER = '550 5.1.1 No such user here';
const UNEXPECTED = (error: unknown): never => {
  throw new Error('the directory was not to fail', { cause: error });
};

describePostfix('the validation of recipients behind Postfix', (bench) => {
  test('refuses those that the directory does not know, and lets the others have the mail', async () => {
    const directory = directoryOf(['bob@dst.example', 'jörg@xn--bcher-kva.example']);
    await bench().serve(recipientValidation(directory, { domains: DOMAINS, report: UNEXPECTED }));
    const client = await bench().greeted();
    expect(await client.command('MAIL FROM:<alice@src.example> SMTPUTF8')).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<nobody@dst.example>')).toBe(NO_SUCH_USER);
    for (const address of [
      'Bob@DST.example',
      'bob+lists@dst.example',
      'JÖRG@bücher.example',
      'x@elsewhere.example',
    ]) {
      expect(await client.command(`RCPT TO:<${address}>`)).toMatch(/^250 /);
    }
    expect(await client.command('DATA')).toMatch(/^354 /);
    expect(await client.content('Subject: hello\r\n\r\nHello\r\n')).toMatch(/^250 /);
    expect(plainRecipients(await bench().sink.next())).toEqual([
      '<Bob@DST.example>',
      '<JÖRG@bücher.example>',
      '<bob+lists@dst.example>',
      '<x@elsewhere.example>',
    ]);
  });

  test('has the client try again later while the directory is away', async () => {
    const reported: unknown[] = [];
    const away = new Error('connect ECONNREFUSED');
    await bench().serve(
      recipientValidation(
        { lookUp: () => Promise.reject(away) },
        { domains: DOMAINS, report: (error) => reported.push(error) },
      ),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: 'Subject: hello\r\n\r\nHello\r\n' })).toBe(
      '451 4.4.3 Cannot look up the recipient, try again',
    );
    expect(reported).toEqual([away]);
  });

  test('asks once for two clients that want the same, and cancels that when both have gone', async () => {
    const gate = new Gate();
    const signals: AbortSignal[] = [];
    const directory: Directory = {
      lookUp: async (_address, signal) => {
        signals.push(signal);
        await gate.pass();
        return true;
      },
    };
    await bench().serve(recipientValidation(directory, { domains: DOMAINS, limit: 60_000 }), {
      timeouts: { reply: 2000 },
      onError: () => undefined,
    });
    const clients = [await bench().greeted(), await bench().greeted()];
    const replies = clients.map(async (client) => {
      await client.command('MAIL FROM:<alice@src.example>');
      return client.command('RCPT TO:<bob@dst.example>');
    });
    // Time is up for both, and with the second nobody waits any more.
    expect(await Promise.all(replies)).toEqual(
      Array(2).fill('451 4.7.1 Service unavailable - try again later'),
    );
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    gate.open();
  });
});
