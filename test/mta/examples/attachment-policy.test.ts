import { expect, test } from 'vitest';

import { attachmentPolicy } from '../../../examples/attachment-policy.mjs';
import { base64, lines, multipart, part } from '../../examples/support/mime.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const HEADER = lines(
  'From: Alice <alice@src.example>',
  'To: Bob <bob@dst.example>',
  'Subject: the subject',
  'Date: Sun, 1 Mar 2026 09:00:00 +0000',
  'Message-Id: <1@src.example>',
  'MIME-Version: 1.0',
);
/** A mail with a text and one more part. */
const mail = (fields: readonly string[], body = 'content'): string =>
  HEADER + multipart([part(['Content-Type: text/plain'], 'Hello'), part(fields, body)]);

describePostfix('the attachment policy behind Postfix', (bench) => {
  test('lets a mail with a harmless attachment through, byte for byte', async () => {
    const data = mail(
      ['Content-Type: application/pdf; name="a.pdf"', 'Content-Transfer-Encoding: base64'],
      base64(Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(300_000, 1)])),
    );
    await bench().serve(attachmentPolicy());
    const client = await bench().greeted();
    expect(await client.deliver({ data })).toMatch(/^250 /);
    expect(maskReceived((await bench().sink.next()).data)).toBe(RECEIVED + data);
  });

  test.each([
    [
      'a plain name',
      ['Content-Type: application/x', 'Content-Disposition: attachment; filename="evil.exe"'],
      undefined,
    ],
    ['an encoded name', ['Content-Type: application/x; name="=?utf-8?B?ZXZpbC5leGU=?="'], undefined],
    [
      'a name in pieces',
      ["Content-Disposition: inline; filename*0*=utf-8''ev%69; filename*1=l.exe"],
      undefined,
    ],
    [
      'a mail',
      ['Content-Type: message/rfc822'],
      lines('Content-Type: application/x; name="evil.exe"', '', 'content'),
    ],
  ])('refuses a program in %s', async (_what, fields, body) => {
    await bench().serve(attachmentPolicy());
    const client = await bench().greeted();
    expect(await client.deliver({ data: mail(fields, body) })).toBe(
      '550 5.7.1 "evil.exe" is of a kind that is not taken here',
    );
    expect(await client.deliver({ data: mail(['Content-Type: text/plain']) })).toMatch(/^250 /);
    await bench().sink.next();
    expect(bench().sink.kept).toEqual([]);
  });

  test('has seen enough of a large mail when it is clear that it has to be refused', async () => {
    let seen = 0;
    await bench().serve(attachmentPolicy(), {
      trace: ({ from, name, data }) => {
        if (from === 'mta' && name === 'body') seen += data.length;
      },
    });
    const client = await bench().greeted();
    const large = part([], lines(...Array<string>(60_000).fill('x'.repeat(70))));
    const data = HEADER + multipart([part(['Content-Type: application/x; name=evil.exe']), large]);
    expect(await client.deliver({ data })).toBe('550 5.7.1 "evil.exe" is of a kind that is not taken here');
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(data.length / 4);
  });

  test('has a mail held that is suspicious, and one that is broken', async () => {
    await bench().serve(attachmentPolicy());
    const client = await bench().greeted();
    const suspicious = mail(['Content-Disposition: attachment; filename="setup.exe.txt"']);
    const broken = `${HEADER}${lines('Content-Type: multipart/mixed', '', 'Hello')}`;
    for (const data of [suspicious, broken]) expect(await client.deliver({ data })).toMatch(/^250 /);
    const held = (await bench().held()).map(({ message }) => message);
    expect(held.map((message) => /filename|multipart\/mixed\n/.exec(message)?.[0]).sort()).toEqual([
      'filename',
      'multipart/mixed\n',
    ]);
    expect(bench().sink.kept).toEqual([]);
  });
});
