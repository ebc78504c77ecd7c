import { expect, test } from 'vitest';

import { replyFrame } from '../../support/scripted-milter.js';
import { describeSendmail } from '../support/describe-sendmail.js';

/** What Sendmail passes on of a reply, all its lines together. */
const MOST = 16_383;

/** A reply of that many bytes, in lines of 992 with their ends; the last one is shorter. */
function reply(size: number): string {
  const whole = Math.ceil(size / 992) - 1;
  const lines = Array.from({ length: whole }, () => `554-5.7.0 ${'x'.repeat(980)}\r\n`).join('');
  return `${lines}554 5.7.0 ${'y'.repeat(size - lines.length - 10)}`;
}

describeSendmail('long replies behind Sendmail', (bench) => {
  async function told(text: string): Promise<[first: string, second: string]> {
    let replies: [string, string] = ['', ''];
    await bench().scripted({ R: replyFrame('y', `${text}\0`) }, async (client) => {
      await client.command('MAIL FROM:<alice@src.example>');
      client.write('RCPT TO:<bob@dst.example>\r\nNOOP\r\nNOOP\r\n');
      replies = [await client.reply(), await client.reply()];
    });
    return replies;
  }

  test('are passed on as they are up to 16383 bytes', async () => {
    const text = reply(MOST);
    expect(text).toHaveLength(MOST);

    expect(await told(text)).toEqual([text.replaceAll('\r\n', '\n'), expect.stringMatching(/^250 /)]);
  });

  test('are cut there, and where the last line is lost the client takes the next reply for it', async () => {
    const [first, second] = await told(reply(MOST + 2000));

    const [rest = '', ...lines] = first.split('\n').reverse();
    expect(rest).toMatch(/^250 /);
    expect(lines.every((line) => line.startsWith('554-5.7.0 x'))).toBe(true);
    expect(lines.join('\r\n')).toHaveLength(MOST);
    expect(second).toMatch(/^250 /);
  });
});
