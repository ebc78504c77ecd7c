import { SMFIP } from 'rxmilter';
import { expect, test } from 'vitest';

import { optnegAnswer, replyFrame } from '../../support/scripted-milter.js';
import { describeSendmail } from '../support/describe-sendmail.js';

const DATA = 'Subject: recipients\r\n\r\nThe body.\r\n';
const UNKNOWN = 'nobody-here@mx.test.example';

/** The text of frames in hexadecimal, NULs as bars. */
function texts(frames: readonly string[], letters: string): string[] {
  return frames
    .map((frame) => Buffer.from(frame, 'hex').toString('latin1', 4).replaceAll('\0', '|'))
    .filter((text) => text.startsWith(letters));
}

describeSendmail('recipients that Sendmail refuses itself', (bench) => {
  // Only RCPT of the unknown mailbox is shown, not what a rule of check_rcpt or the routing has refused.
  test.each([
    ['continue', replyFrame('c', ''), 'DMMDRRDRRTLNBDEEQ', ['<bob@dst.example>']],
    ['reject', replyFrame('r', ''), 'DMMDRRDRRTLNBDEEQ', ['<bob@dst.example>']],
    ['a reply', replyFrame('y', '450 4.2.0 not yet\0'), 'DMMDRRDRRTLNBDEEQ', ['<bob@dst.example>']],
    ['accept: the message passes unfiltered', replyFrame('a', ''), 'DMMDRRQ', ['<bob@dst.example>']],
    ['discard: the message is lost', replyFrame('d', ''), 'DMMDRRAQ', []],
  ])(
    'are shown where it was agreed on, and stay refused when answered with %s',
    async (_name, answer, letters, rcpts) => {
      const { heard, macros, frames } = await bench().scripted(
        {
          O: optnegAnswer(SMFIP.RCPT_REJ),
          R: (socket, data) => {
            const unknown = data.toString('latin1').includes(UNKNOWN);
            socket.write(Buffer.from(unknown ? answer : replyFrame('c', ''), 'hex'));
          },
        },
        async (client) => {
          await client.command('MAIL FROM:<alice@src.example>');
          expect(await client.command(`RCPT TO:<${UNKNOWN}>`)).toBe(`550 5.1.1 <${UNKNOWN}>... User unknown`);
          expect(await client.command('RCPT TO:<bob@unknown.example>')).toBe(
            '550 5.1.1 <bob@unknown.example>... nobody is known there',
          );
          expect(await client.command('RCPT TO:<bob@blocked.example>')).toBe(
            '550 5.7.1 <bob@blocked.example>... blocked by a rule',
          );
          expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
          expect(await client.command('DATA')).toMatch(/^354 /);
          expect(await client.content(DATA)).toMatch(/^250 /);
          await client.quit();
        },
      );

      expect(heard).toEqual([`ODCCDHH${letters}`]);
      expect(texts(frames, 'R')[0]).toBe(`R<${UNKNOWN}>|`);
      // From 8.18 on there is no status, and the local part in the place of the text.
      const told = bench().sendmail.version.atLeast('8.18')
        ? '{rcpt_host}||{rcpt_addr}|nobody-here|'
        : '{rcpt_host}|5.1.1|{rcpt_addr}|550 5.1.1 User unknown|';
      expect(texts(macros, 'DR')[0]).toBe(`DR{rcpt_mailer}|error|${told}`);
      await bench().idle();
      expect(bench().sink.kept.flatMap((message) => message.rcpts)).toEqual(rcpts);
    },
  );
});
