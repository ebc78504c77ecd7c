import { BlockList } from 'node:net';
import { expect, test } from 'vitest';

import { externalSubject } from '../../../examples/external-subject.mjs';
import { decodeWords } from '../../examples/support/decode-words.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const COMMON =
  'From: Alice <alice@src.example>\r\nDate: Sun, 1 Mar 2026 09:00:00 +0000\r\nMessage-Id: <1@src.example>\r\n';
const BODY = '\r\nHello\r\n.dot\r\n';
/** The clients of the tests come from the machine itself; here that is elsewhere. */
const NOBODY = new BlockList();

describePostfix('the tag in the subjects of external mail behind Postfix', (bench) => {
  /** What the sink gets of a mail with these fields, between the common ones and the body. */
  async function got(fields: string, inside?: BlockList): Promise<string> {
    const server = await bench().serve(externalSubject(inside && { inside }));
    const client = await bench().greeted();
    expect(await client.deliver({ data: COMMON + fields + BODY })).toMatch(/^250 /);
    const data = maskReceived((await bench().sink.next()).data);
    await client.quit();
    await server.close();
    expect(data.startsWith(RECEIVED + COMMON)).toBe(true);
    expect(data.endsWith(BODY)).toBe(true);
    return data.slice((RECEIVED + COMMON).length, -BODY.length);
  }

  test('marks mail from outside', async () => {
    expect(await got('Subject: Your account\r\nX-Last: 1\r\n', NOBODY)).toBe(
      'Subject: [external] Your account\r\nX-Last: 1\r\nX-External-Sender: yes\r\n',
    );
  });

  test('marks mail without a subject, and each of several', async () => {
    expect(await got('', NOBODY)).toBe('Subject: [external]\r\nX-External-Sender: yes\r\n');
    expect(await got('Subject: one\r\nX-Last: 1\r\nSubject: two\r\n', NOBODY)).toBe(
      'Subject: [external] one\r\nX-Last: 1\r\nSubject: [external] two\r\nX-External-Sender: yes\r\n',
    );
  });

  test('marks a reply once', async () => {
    const subject = 'Subject: Re: =?utf-8?Q?[external]_Caf=C3=A9?=\r\n';
    expect(await got(subject, NOBODY)).toBe(`${subject}X-External-Sender: yes\r\n`);
  });

  test('keeps what an encoded subject says', async () => {
    const fields = await got(
      'Subject: =?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=\r\n =?ISO-8859-1?Q?_writes?= again\r\n',
      NOBODY,
    );
    expect(fields).toMatch(/^[\x20-\x7e\r\n]*$/);
    const [, subject = ''] = /^Subject: ([^]*)\r\nX-External-Sender: yes\r\n$/.exec(fields) ?? [];
    expect(decodeWords(subject)).toBe('[external] Keld Jørn Simonsen writes again');
  });

  test('takes a forged header away, from inside and from outside', async () => {
    const forged = 'X-External-Sender: no\r\nSubject: Lunch?\r\nx-external-sender: never\r\n';
    expect(await got(forged)).toBe('Subject: Lunch?\r\n');
    const outside = await got(forged, NOBODY);
    expect(outside).toContain('Subject: [external] Lunch?\r\n');
    expect(outside.match(/x-external-sender: .*/gi)).toEqual([expect.stringMatching(/: yes$/)]);
  });
});
