import {
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteRecipient,
  observe,
  on,
  reject,
  type Mail,
  type Rcpt,
} from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { plainRecipients } from '../support/plain-recipients.js';

/** A text as `latin1` would show its UTF-8 bytes. */
function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

describePostfix('internationalised addresses behind Postfix', (bench) => {
  test('come in and go out', async () => {
    const mails: Mail[] = [];
    const rcpts: Rcpt[] = [];
    await bench().serve(
      compose(
        observe('mail', (mail) => void mails.push(mail)),
        observe('rcpt', (rcpt) => void rcpts.push(rcpt)),
        on('eom', () => [
          changeSender('jörg@src.example'),
          deleteRecipient('zoë@dst.example'),
          addRecipient('ñandú@dst.example'),
          changeHeader('Subject', 'Grüße zurück'),
        ]),
      ),
    );
    const client = await bench().greeted();
    const reply = await client.deliver({
      mail: '<jürgen@src.example> SMTPUTF8',
      rcpts: ['<zoë@dst.example>', '<φίλος@dst.example>'],
      data: 'Subject: Grüße\r\n\r\nBody\r\n',
    });

    expect(reply).toMatch(/^250 /);
    expect(mails).toMatchObject([{ address: 'jürgen@src.example', params: { SMTPUTF8: '' } }]);
    expect(Buffer.from(mails[0]?.raw ?? []).toString('utf8')).toBe('<jürgen@src.example>');
    expect(rcpts.map(({ address }) => address)).toEqual(['zoë@dst.example', 'φίλος@dst.example']);
    const delivered = await bench().sink.next();
    expect(delivered.mail.split(' ')).toEqual(expect.arrayContaining(['<jörg@src.example>', 'SMTPUTF8']));
    expect(plainRecipients(delivered)).toEqual(['<ñandú@dst.example>', '<φίλος@dst.example>']);
    expect(maskReceived(delivered.data)).toBe(`${RECEIVED}${utf8('Subject: Grüße zurück')}\r\n\r\nBody\r\n`);
  });

  test('can be refused in its own words', async () => {
    await bench().serve(on('rcpt', ({ address }) => reject(`wer ist ${address}?`)));
    const client = await bench().greeted();
    await client.command('MAIL FROM:<jürgen@src.example> SMTPUTF8');

    expect(await client.command('RCPT TO:<zoë@dst.example>')).toBe('550 5.7.1 wer ist zoë@dst.example?');
  });
});
