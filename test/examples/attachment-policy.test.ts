import fc from 'fast-check';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { reject } from 'rxmilter';
import { deliver, formatReply, parseEml } from 'rxmilter/mta';
import { simulate, type Simulation } from 'rxmilter/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { findings } from '../../examples/attachment-findings.mjs';
import { RULES, attachmentPolicy } from '../../examples/attachment-policy.mjs';
import { base64, lines, multipart, part } from './support/mime.js';

type Policy = ReturnType<typeof attachmentPolicy>;

/** What becomes of a mail. */
async function sent(
  eml: string,
  mta: 'postfix' | 'sendmail' = 'postfix',
  to: Policy = attachmentPolicy(),
): Promise<readonly string[]> {
  const errors: unknown[] = [];
  const { outcome, reply, quarantined, failure } = await deliver(
    { sender: 'carol@example.net', recipients: ['bob@example.org'], ...parseEml(Buffer.from(eml, 'latin1')) },
    { to, mta, outcome: ({ error }) => error && errors.push(error) },
  );
  expect(failure).toBeUndefined();
  expect(errors).toEqual([]);
  return outcome === 'quarantined'
    ? [outcome, quarantined ?? '']
    : outcome === 'refused'
      ? [outcome, formatReply(reply)]
      : [outcome];
}

/** A mail with one attachment, which has these fields. */
const withPart = (fields: readonly string[], body?: string): string =>
  multipart([part(['Content-Type: text/plain'], 'Hello'), part(fields, body)], {
    fields: ['Subject: Hello'],
  });
const attached = (parameters: string): string =>
  withPart(['Content-Type: application/octet-stream', `Content-Disposition: attachment; ${parameters}`]);

const refused = (name: string): readonly string[] => [
  'refused',
  `550 5.7.1 "${name}" is of a kind that is not taken here`,
];
const inside = part(['Subject: inside', 'Content-Type: application/x-dosexec; name="evil.exe"']);

const FORBIDDEN: readonly (readonly [what: string, eml: string, name?: string])[] = [
  ['a file name', attached('filename="evil.exe"')],
  ['a file name without quotes', attached('filename=evil.exe')],
  ['a file name in capitals', attached('FILENAME="EVIL.EXE"'), 'EVIL.EXE'],
  ['a folded file name', attached('\r\n\tfilename\r\n =\r\n "evil.exe"')],
  ['a file name with an escape (RFC 5322, 3.2.4)', attached('filename="evil\\.exe"')],
  ['the name of a type', withPart(['Content-Type: application/pdf; name="evil.exe"'])],
  [
    'the name of a type that has another file name',
    withPart([
      'Content-Type: application/pdf; name="evil.exe"',
      'Content-Disposition: attachment; filename="good.pdf"',
    ]),
  ],
  ['base64 words (RFC 2047)', attached('filename="=?utf-8?B?ZXZpbC5leGU=?="')],
  ['quoted words (RFC 2047) in pieces', attached('filename="=?utf-8?Q?evil=2E?= =?utf-8?Q?exe?="')],
  ['percent signs (RFC 2231)', attached("filename*=utf-8'en'evil%2E%65xe")],
  ['pieces (RFC 2231)', attached('filename*0*=us-ascii\'en\'ev%69; filename*1="l.e"; filename*2*=%78e')],
  ['pieces in another order (RFC 2231)', attached('filename*1=".exe"; filename*0="evil"')],
  ['another character set', attached("filename*=utf-16be''%00e%00v%00i%00l%00.%00e%00x%00e")],
  ['the first of two names', attached('filename="evil.exe"; filename="good.txt"')],
  ['the second of two names', attached('filename="good.txt"; filename="evil.exe"')],
  ['a name beside an encoded one', attached("filename=evil.exe; filename*=utf-8''good.txt")],
  ['an encoded name beside a plain one', attached('filename="good.txt"; filename*=utf-8\'\'evil.exe')],
  ['a comment (RFC 2045)', attached('(x) filename (y) = "evil.exe"')],
  ['a dot at the end', attached('filename="evil.exe. ."'), 'evil.exe. .'],
  ['an unseen character', attached("filename*=utf-8''evil.e%E2%80%8Bxe"), 'evil.e?xe'],
  ['a change of direction', attached("filename*=utf-8''evil%E2%80%AEfdp.exe"), 'evil?fdp.exe'],
  ['a wide dot', attached("filename*=utf-8''evil%EF%BC%8Eexe"), 'evil?exe'],
  ['a wide extension', attached("filename*=utf-8''evil.%EF%BD%85xe"), 'evil.?xe'],
  ['nothing but the extension', attached('filename=".exe"'), '.exe'],
  ['a path', attached('filename="C:\\\\good.txt\\\\evil.exe"'), 'C:\\good.txt\\evil.exe'],
  [
    'a class of Windows',
    attached('filename="a.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}"'),
    'a.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}',
  ],
  ['an archive', attached('filename="evil.exe.zip"'), 'evil.exe.zip'],
  ['a document in front', attached('filename="invoice.pdf.exe"'), 'invoice.pdf.exe'],
  [
    'text that is shown',
    withPart(['Content-Type: text/plain; name="evil.exe"', 'Content-Disposition: inline']),
  ],
  [
    'a page that is shown',
    withPart(['Content-Type: text/html', 'Content-Disposition: inline; filename="evil.exe"']),
  ],
  [
    'a mail of one part',
    lines('Subject: Hello', 'Content-Type: application/x; name=evil.exe', '', 'content'),
  ],
  ['a mail of one text', lines('Subject: Hello', 'Content-Type: text/plain; name=evil.exe', '', 'content')],
  [
    'a mail without a type',
    lines('Subject: Hello', 'Content-Disposition: inline; filename=evil.exe', '', 'content'),
  ],
  ['a part without a body', multipart([lines('Content-Type: application/x; name="evil.exe"')])],
  ['a part without an end', withPart(['Content-Type: application/x; name="evil.exe"']).replace('--b--', '')],
  [
    'a part within a part',
    multipart([multipart([part(['Content-Type: application/x; name="evil.exe"'])], { boundary: 'c' })]),
  ],
  [
    'a part behind one that does not end',
    multipart([lines('Content-Type: multipart/mixed; boundary=c', '', '--c', '', 'text'), inside]),
  ],
  [
    'an attached mail',
    withPart(['Content-Type: message/rfc822', 'Content-Disposition: attachment; filename=a.eml'], inside),
  ],
  ['a mail that is shown', withPart(['Content-Type: message/rfc822', 'Content-Disposition: inline'], inside)],
  [
    'an encoded mail',
    withPart(['Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64'], base64(inside)),
  ],
  [
    'a mail that is called a file',
    withPart(['Content-Type: application/octet-stream; name="a.eml"'], inside),
  ],
  [
    'a mail in a mail',
    withPart(['Content-Type: message/rfc822'], withPart(['Content-Type: message/rfc822'], inside)),
  ],
];

/** As it stands in a program: letters, and zero bytes in between. */
const PROGRAM = Buffer.from('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff', 'latin1');
const ZIP = Buffer.from('PK\x03\x04\x14\0\0\0', 'latin1');
const encoded = (fields: readonly string[], content: string | Uint8Array): string =>
  withPart([...fields, 'Content-Transfer-Encoding: base64'], base64(content));

describe.each(['postfix', 'sendmail'] as const)('the attachment policy behind %s', (mta) => {
  it.each(FORBIDDEN.map(([what, eml, name = 'evil.exe']) => [what, eml, name] as const))(
    'refuses a program whose name is hidden in %s',
    async (_what, eml, name) => {
      expect(await sent(eml, mta)).toEqual(refused(name));
    },
  );

  it.each([
    ['a picture', encoded(['Content-Type: image/png; name="a.png"'], PROGRAM), '"a.png" is a program'],
    [
      'nothing',
      encoded(['Content-Type: application/octet-stream'], PROGRAM),
      'A part without a name is a program',
    ],
    [
      'a text',
      encoded(['Content-Type: text/plain'], '\x7fELF\x02\x01\x01'),
      'A part without a name is a program',
    ],
    [
      'a text in quoted-printable',
      withPart(['Content-Type: text/plain', 'Content-Transfer-Encoding: quoted-printable'], 'MZ=90=00=03=00'),
      'A part without a name is a program',
    ],
  ])('refuses a program that is called %s', async (_what, eml, why) => {
    expect(await sent(eml, mta)).toEqual(['refused', `550 5.7.1 ${why}`]);
  });

  it.each(['message/partial; id=1; number=1; total=2', 'Message/External-Body; access-type=URL'])(
    'refuses %s',
    async (type) => {
      const [, kind = ''] = /^([^;]*)/.exec(type.toLowerCase()) ?? [];
      const why = ['refused', `550 5.7.1 A part is of the type ${kind}`];
      expect(await sent(lines(`Content-Type: ${type}`, '', 'content'), mta)).toEqual(why);
      expect(await sent(withPart([`Content-Type: ${type}`]), mta)).toEqual(why);
    },
  );

  it.each([
    [
      'a program in front of an innocent extension',
      attached('filename="setup.exe.txt"'),
      '"setup.exe.txt" has two extensions',
    ],
    [
      'an archive that is called a document',
      encoded(['Content-Type: application/pdf; name="a.pdf"'], ZIP),
      '"a.pdf" is a ZIP file, and says that it is something else',
    ],
    [
      'an archive of the type of a picture',
      encoded(['Content-Type: image/png'], ZIP),
      'A part without a name is a ZIP file, and says that it is something else',
    ],
    [
      'an archive of the type of a text',
      encoded(['Content-Type: TEXT/html; name=a'], ZIP),
      '"a" is a ZIP file, and says that it is something else',
    ],
  ])('has %s held', async (_what, eml, why) => {
    expect(await sent(eml, mta)).toEqual(['quarantined', why]);
  });

  const text = part(['Content-Type: text/plain'], 'Hello');
  it.each([
    [
      'a multipart without a boundary',
      lines('Content-Type: multipart/mixed', '', `--b\r\n${inside}`),
      'is said to have parts, and has none',
    ],
    [
      'a boundary that is nowhere',
      lines('Content-Type: multipart/mixed; boundary=a', '', `--b\r\n${inside}`),
      'is said to have parts, and has none',
    ],
    [
      'a boundary that is no ASCII',
      multipart([inside], { boundary: 'b\xe9' }),
      'is said to have parts, and has none',
    ],
    [
      'an inner multipart without parts',
      multipart([text, lines('Content-Type: multipart/mixed', '', `--c\r\n${inside}`)]),
      'is said to have parts, and has none',
    ],
    [
      'two types',
      lines('Content-Type: text/plain', 'Content-Type: multipart/mixed; boundary=b', '', `--b\r\n${inside}`),
      'has a field twice',
    ],
    [
      'two encodings',
      withPart(['Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: base64']),
      'has a field twice',
    ],
    [
      'an encoding that nobody knows',
      withPart(['Content-Transfer-Encoding: x-uuencode']),
      'has the unknown encoding x-uuencode',
    ],
    [
      'parts in base64 (RFC 2045, 6.4)',
      multipart([text], { fields: ['Content-Transfer-Encoding: base64'] }),
      'has the unknown encoding base64',
    ],
  ])('has %s held', async (_what, eml, problem) => {
    expect(await sent(eml, mta)).toEqual(['quarantined', `A part of the mail ${problem}`]);
  });

  it.each([
    [
      'too many parts',
      multipart(Array.from({ length: 1001 }, () => text)),
      /^The mail cannot be read: Error: Max allowed child nodes exceeded$/,
    ],
    [
      'mails within mails without end',
      Array.from({ length: 7 }).reduce<string>(
        (mail) => lines('Content-Type: message/rfc822', '', mail),
        text,
      ),
      /^The mail cannot be read: Error: there are too many messages within messages$/,
    ],
    [
      'a header without end',
      multipart([
        lines('Content-Type: text/plain', ...Array.from({ length: 1100 }, () => `X: ${'x'.repeat(990)}`)),
      ]),
      /^The mail cannot be read: Error: Max header size for a MIME node exceeded$/,
    ],
  ])('has a mail held that has %s', async (_what, eml, why) => {
    expect(await sent(eml, mta)).toEqual(['quarantined', expect.stringMatching(why)]);
  });

  it('looks on behind a part that cannot be read', async () => {
    // Larger than what the parser takes at once, so that there is more of it when it fails.
    const parts = Array.from({ length: 3000 }, () => part(['Content-Type: text/plain'], 'x'.repeat(100)));
    const many = multipart(parts, { boundary: 'c' });
    const eml = multipart([part(['Content-Type: message/rfc822'], many), inside]);
    expect(await sent(eml, mta)).toEqual(refused('evil.exe'));
    const broken = multipart([part(['Content-Type: message/rfc822'], many), text]);
    expect(await sent(broken, mta)).toEqual([
      'quarantined',
      expect.stringMatching(/^The mail cannot be read/),
    ]);
  });

  it.each([
    ['a text', lines('Subject: Hello', '', 'Hello')],
    ['nothing', lines('Subject: Hello', '')],
    [
      'a text that begins with the letters of a program',
      lines('Subject: Hello', '', 'MZ is short for Mark Zbikowski.'),
    ],
    [
      'a text in two forms',
      multipart(
        [
          text,
          part(
            ['Content-Type: text/html; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'],
            '<p>Hello=',
          ),
        ],
        { type: 'alternative' },
      ),
    ],
    ['a document', encoded(['Content-Type: application/pdf; name="a.pdf"'], '%PDF-1.7\n')],
    ['a document of no type', encoded(['Content-Type: application/octet-stream; name="a.docx"'], ZIP)],
    [
      'a picture of another kind of picture',
      encoded(['Content-Type: image/jpeg; name="a.jpg"'], '\x89PNG\r\n'),
    ],
    ['an archive', encoded(['Content-Type: application/zip; name="a.zip"'], ZIP)],
    ['an empty archive', encoded(['Content-Type: application/zip; name="a.zip"'], '')],
    ['the name of a host', attached('filename="example.com.pdf"; size=7')],
    ['the name of a product', attached('filename="Node.js.pdf"')],
    ['a name of letters from elsewhere', attached("filename*=utf-8''%E5%A0%B1%E5%91%8A.pdf")],
    ['one name in two ways', attached('filename="resume.pdf"; filename*=utf-8\'\'r%C3%A9sum%C3%A9.pdf')],
    ['a mail', withPart(['Content-Type: message/rfc822'], lines('Subject: inside', '', 'Hello'))],
    [
      'a delivery report (RFC 3464)',
      multipart(
        [
          text,
          part(['Content-Type: message/delivery-status'], 'Reporting-MTA: dns; a.example'),
          part(['Content-Type: text/rfc822-headers'], 'Subject: x'),
        ],
        { type: 'report; report-type=delivery-status' },
      ),
    ],
  ])('lets %s through', async (_what, eml) => {
    expect(await sent(eml, mta)).toEqual(['delivered']);
  });

  it('writes what a stranger has called a file as plain characters', async () => {
    const eml = attached('filename="=?utf-8?Q?a=0D=0A250_2=2E0=2E0_fine=00=1B[0m%d=E2=82=AC.exe?="');
    expect(await sent(eml, mta)).toEqual(refused('a??250 2.0.0 fine??[0m%d?.exe'));
    const [, reply = ''] = await sent(attached(`filename="${'a'.repeat(500)}.exe"`), mta);
    expect(reply).toBe(`550 5.7.1 "${'a'.repeat(99)}`);
  });

  it('answers what it is told to', async () => {
    const policy = attachmentPolicy({
      broken: () => reject({ code: 554, enhanced: '5.6.0', text: 'Please repair your mail' }),
      suspicious: () => undefined,
    });
    const eml = lines('Content-Type: multipart/mixed', '', 'no parts');
    expect(await sent(eml, mta, policy)).toEqual(['refused', '554 5.6.0 Please repair your mail']);
    expect(await sent(attached('filename="setup.exe.txt"'), mta, policy)).toEqual(['delivered']);
  });
});

describe('the attachment policy, while a mail arrives,', () => {
  async function started(): Promise<Simulation> {
    const mta = await simulate(attachmentPolicy());
    onTestFinished(() => mta.close());
    return mta;
  }

  async function begun(mta: Simulation, ...fields: readonly string[]): Promise<void> {
    await mta.mail();
    await mta.rcpt();
    await mta.data();
    await mta.header('Content-Type', 'multipart/mixed; boundary=b');
    await mta.eoh();
    for (const piece of [`--b\r\n${lines(...fields)}\r\n`, 'content\r\n']) {
      expect((await mta.body(piece)).verdict).toBe('continue');
    }
  }

  it('refuses what is forbidden before the rest has come', async () => {
    const mta = await started();
    await begun(mta, 'Content-Type: application/x; name="evil.exe"');
    // The end of the part, and more: how much is taken until then is up to the buffers on the way.
    let verdict = 'continue';
    for (let n = 0; n < 64 && verdict === 'continue'; n++) {
      ({ verdict } = await mta.body(lines('--b', '', 'x'.repeat(60_000))));
    }
    // It may be said that the rest is not wanted before it is said why.
    if (verdict === 'skip') ({ verdict } = await mta.eom());
    expect(verdict).toBe('reject');
  });

  it('forgets a mail that is aborted, and goes on with the next', async () => {
    const mta = await started();
    await begun(mta, 'Content-Type: application/x; name="evil.exe"');
    await mta.abort();
    await begun(mta, 'Content-Type: application/x; name="good.txt"');
    await mta.body('--b--\r\n');
    expect((await mta.eom()).verdict).toBe('continue');
    expect(mta.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('is not disturbed by a connection that is lost', async () => {
    const mta = await started();
    await begun(mta, 'Content-Type: message/rfc822', '', 'Content-Type: text/plain');
    mta.hangUp();
    await mta.close();
    expect(mta.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });
});

describe('the findings in a mail', () => {
  /** More than there is room for in front of the part that it is in. */
  const LONG = lines(...Array<string>(30_000).fill('x'.repeat(70)));

  it.each([
    ['a part', withPart(['Content-Type: application/x; name=a.txt'], LONG)],
    [
      'a mail in the mail',
      withPart(['Content-Type: message/rfc822'], withPart(['Content-Type: text/plain'])),
    ],
  ])('end with the error of the source in the middle of %s', async (_what, eml) => {
    const error = new Error('the disk is gone');
    const source = Readable.from(
      (async function* () {
        for (let at = 0; at < eml.length - 65_536; at += 65_536)
          yield Buffer.from(eml.slice(at, at + 65_536));
        await turn();
        throw error;
      })(),
    );
    const all = async (): Promise<void> => {
      for await (const { why } of findings(source, RULES)) throw new Error(why);
    };
    await expect(all()).rejects.toBe(error);
  });

  it('come to an end with any mail that is made of pieces of mails', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...[
          '\r\n',
          '\r\n\r\n',
          '\n',
          '\r',
          '--b',
          '--b--',
          '--c',
          '\r\n--b\r\n',
          ';',
          '"',
          '(',
          ')',
          ' ',
          '\t',
          '=',
        ],
        ...[
          'Content-Type:',
          'Content-Disposition:',
          'Content-Transfer-Encoding:',
          'Subject:',
          'List-Id: <',
          'Date:',
        ],
        ...[
          'multipart/mixed; boundary=b',
          'multipart/x; boundary="c"',
          'message/rfc822',
          'text/html',
          'application/',
        ],
        ...[
          'base64',
          'quoted-printable',
          'charset=utf-7',
          'format=flowed',
          'inline',
          'attachment',
          'filename=',
          'name',
        ],
        ...[
          "filename*0*=utf-8''%",
          'filename*1=',
          'name*99999999=x',
          '=?utf-8?Q?=',
          '=?x?B?',
          '?=',
          '%zz',
          '__proto__=',
        ],
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    const mail = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join('')));
    await fc.assert(
      fc.asyncProperty(mail, fc.boolean(), async (bytes, begun) => {
        const start = begun ? 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n' : '';
        const source = Readable.from([Buffer.concat([Buffer.from(start), bytes])]);
        for await (const { why } of findings(source, RULES)) expect(why).toEqual(expect.any(String));
        expect(source.destroyed).toBe(true);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('let go of the source when nobody wants to know more', async () => {
    const source = new Readable({ read: () => undefined });
    // The parser takes pieces of 64 KiB.
    source.push(attached('filename=evil.exe') + 'x'.repeat(100_000));
    for await (const { verdict } of findings(source, RULES)) {
      expect(verdict).toBe('forbidden');
      break;
    }
    expect(source.destroyed).toBe(true);
  });
});
