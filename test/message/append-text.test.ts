import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Filter, onMessage, type Outcome } from 'rxmilter';
import { deliver, type Delivery } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { appendText } from '../../src/message/edit/append-text.js';

interface Sent {
  readonly delivery: Delivery;
  /** What `appendText()` has told. */
  readonly told: readonly unknown[];
  readonly errors: readonly string[];
  readonly text: string | undefined;
  readonly html: string | undefined;
  readonly attachments: readonly string[];
}

const TEXT = 'Sent =\nby Example Org ';
const HTML = '<hr><b>Example Org</b>';

async function send(filter: Filter, headers: readonly string[], body: string | Buffer): Promise<Sent> {
  const outcomes: Outcome[] = [];
  const fields = headers.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const bytes = typeof body === 'string' ? Buffer.from(body.replace(/\n/g, '\r\n'), 'latin1') : body;
  const mail = { sender: 'a@b.test', recipients: ['bob@example.org'], headers: fields, body: bytes };
  const delivery = await deliver(mail, { to: filter, outcome: (one) => void outcomes.push(one) });
  const parsed = await simpleParser(delivery.message, {
    skipTextToHtml: true,
    skipHtmlToText: true,
    maxChildNodes: Infinity,
  });
  return {
    delivery,
    told: [],
    errors: outcomes.flatMap(({ error }) => error?.message ?? []),
    text: parsed.text?.replace(/\r\n/g, '\n'),
    html: typeof parsed.html === 'string' ? parsed.html.replace(/\r\n/g, '\n') : undefined,
    attachments: parsed.attachments.map(({ content }) => content.toString('latin1').replace(/\r\n/g, '\n')),
  };
}

async function append(
  headers: readonly string[],
  body: string | Buffer,
  text = TEXT,
  html: string | undefined = HTML,
): Promise<Sent> {
  const told: unknown[] = [];
  const filter = onMessage(async (_message, { draft }) => {
    told.push(await draft.appendText(text, { html }));
  });
  const sent = await send(filter, headers, body);
  expect(sent.errors).toEqual([]);
  return { ...sent, told };
}

const bodyOf = ({ delivery }: Sent): string => delivery.body.toString('latin1').replace(/\r\n/g, '\n');

function fieldOf({ delivery }: Sent, name: string): string | undefined {
  return delivery.headers.find((field) => field.name.toLowerCase() === name.toLowerCase())?.value;
}

const part = (headers: string, content: string): string => `${headers}\n\n${content}`;

function multipart(boundary: string, ...parts: readonly string[]): string {
  return `${parts.map((one) => `--${boundary}\n${one}\n`).join('')}--${boundary}--\n`;
}

describe('draft.appendText() in one part', () => {
  it.each([
    ['no MIME header at all', [], 'Hi\n', 'Hi\nSent =\nby Example Org \n'],
    ['7bit', ['Content-Type: text/plain', 'Content-Transfer-Encoding: 7bit'], 'Hi\n', `Hi\n${TEXT}\n`],
    ['a last line without an end', [], 'Hi', `Hi\n${TEXT}\n`],
    ['an empty body', [], '', `${TEXT}\n`],
    [
      'quoted-printable, whose bytes stay',
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable'],
      'caf=c3=a9 is long=\n er\n',
      'caf=c3=a9 is long=\n er\nSent =3D\nby Example Org=20\n',
    ],
    [
      'quoted-printable that ends in a soft line break',
      ['Content-Transfer-Encoding: quoted-printable'],
      'Hi=\n',
      'Hi=\n\nSent =3D\nby Example Org=20\n',
    ],
    [
      'quoted-printable that ends in an equals sign',
      ['Content-Transfer-Encoding: quoted-printable'],
      'Hi=',
      'Hi=\n\nSent =3D\nby Example Org=20\n',
    ],
    [
      'base64',
      ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: base64'],
      'SGkNCg==\n',
      `${Buffer.from('Hi\r\nSent =\r\nby Example Org \r\n').toString('base64')}\n`,
    ],
    [
      '8bit in a charset whose bytes stay',
      ['Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: 8bit'],
      'caf\xe9\n',
      `caf\xe9\n${TEXT}\n`,
    ],
  ])('keeps the bytes of the part: %s', async (_name, headers, body, expected) => {
    const sent = await append(headers, body);
    expect(sent.told).toEqual([true]);
    expect(bodyOf(sent)).toBe(expected);
    // Only the body was changed.
    expect(sent.delivery.modifications.map(({ type }) => type)).toEqual(['replaceBody']);
  });

  it.each([
    ['us-ascii', 'us-ascii', '7bit', 'Hi\n', 'Hi\n'],
    ['no charset', undefined, undefined, 'Hi\n', 'Hi\n'],
    ['no charset, and UTF-8 bytes', undefined, '8bit', 'caf\xc3\xa9\n', 'café\n'],
    ['no charset, and Latin-1 bytes', undefined, '8bit', 'caf\xe9\n', 'café\n'],
    ['utf-8 in 7bit', 'utf-8', '7bit', 'Hi\n', 'Hi\n'],
    ['iso-8859-1', 'iso-8859-1', '8bit', 'caf\xe9\n', 'café\n'],
    ['iso-8859-1 in quoted-printable', 'ISO-8859-1', 'quoted-printable', 'caf=E9\n', 'café\n'],
    ['windows-1252 in base64', 'windows-1252', 'base64', 'Y2Fm6YANCg==\n', 'café€\n'],
    ['koi8-r', 'koi8-r', '8bit', '\xf0\xf2\xe9\n', 'ПРИ\n'],
    ['iso-2022-jp', 'iso-2022-jp', '7bit', '\x1b$B%F%9%H\x1b(B\n', 'テスト\n'],
    ['shift_jis', 'shift_jis', '8bit', '\x83e\x83X\x83g\n', 'テスト\n'],
    ['utf-16', 'utf-16le', 'base64', 'SABpAA0ACgA=\n', 'Hi\n'],
  ])('says characters beyond the charset: %s', async (_name, charset, encoding, body, before) => {
    const headers = [
      ...(charset === undefined ? [] : [`Content-Type: text/plain; charset=${charset}`]),
      ...(encoding === undefined ? [] : [`Content-Transfer-Encoding: ${encoding}`]),
    ];
    const sent = await append(headers, body, 'Grüße – ☕');
    expect(sent.told).toEqual([true]);
    expect(sent.text).toBe(`${before}Grüße – ☕\n`);
    expect(fieldOf(sent, 'Content-Type')).toMatch(/^text\/plain; charset="?utf-8"?$/);
    expect(fieldOf(sent, 'MIME-Version')).toBe('1.0');
    // What was 7bit stays so for every server on the way.
    const to = encoding === undefined || encoding === '7bit' ? 'quoted-printable' : encoding;
    expect(fieldOf(sent, 'Content-Transfer-Encoding')).toBe(to);
    if (to !== '8bit') expect(bodyOf(sent)).toMatch(/^[\0-\x7f]*$/);
  });

  it.each([
    ['a paragraph that has ended', 'Hi \nthere\n', 'Hi \nthere\n'],
    ['one that has not', 'Hi \n', 'Hi \n\n'],
  ])('keeps its lines apart where lines are joined by the reader: after %s', async (_name, body, before) => {
    const headers = ['Content-Type: text/plain; charset=utf-8; format=flowed'];
    const sent = await append(headers, body, '-- \n> Sent \n  by\nFrom us  ');
    expect(bodyOf(sent)).toBe(`${before}-- \n > Sent\n   by\n From us\n`);
    const encoded = ['Content-Transfer-Encoding: quoted-printable', ...headers];
    const quoted = await append(encoded, body.replace(' \n', '=20\n'), 'x');
    expect(bodyOf(quoted)).toBe(`${before.replace(' \n', '=20\n')}x\n`);
  });

  it('writes a line that is too long for a message in quoted-printable', async () => {
    const long = 'word '.repeat(300).trim();
    const sent = await append(['Content-Type: text/plain; charset=utf-8'], 'Hi\n', long);
    expect(sent.text).toBe(`Hi\n${long}\n`);
    expect(
      Math.max(
        ...bodyOf(sent)
          .split('\n')
          .map(({ length }) => length),
      ),
    ).toBeLessThanOrEqual(76);
  });

  it.each([
    ['before </body>', '<html><body><p>Hi</BODY></html>\n', `<html><body><p>Hi\n${HTML}\n</BODY></html>\n`],
    ['before the last one', '<!-- </body> --><p>Hi</body>\n', `<!-- </body> --><p>Hi\n${HTML}\n</body>\n`],
    ['before </html>', '<html><p>Hi</html>\n', `<html><p>Hi\n${HTML}\n</html>\n`],
    ['at the end', '<p>Hi\n', `<p>Hi\n\n${HTML}\n`],
  ])('puts HTML %s', async (_name, body, expected) => {
    const sent = await append(['Content-Type: text/html; charset=utf-8'], body);
    expect(sent.told).toEqual([true]);
    expect(bodyOf(sent)).toBe(expected);
  });

  it('finds a tag that quoted-printable has broken', async () => {
    const headers = ['Content-Type: text/html', 'Content-Transfer-Encoding: quoted-printable'];
    const sent = await append(headers, '<p>caf=C3=A9=3C/bo=\ndy>\n', TEXT, '<b title="x">é</b>');
    expect(bodyOf(sent)).toBe('<p>caf=C3=A9\n<b title=3D"x">&#233;</b>\n=3C/bo=\ndy>\n');
  });

  it('makes HTML of a text where none is given, in any charset', async () => {
    const told: unknown[] = [];
    const filter = onMessage(async (_message, { draft }) => {
      told.push(await draft.appendText('1 < 2 & é\nSecond'));
    });
    const sent = await send(filter, ['Content-Type: text/html; charset=koi8-r'], '<p>\xf0</body>\n');
    expect(told).toEqual([true]);
    expect(sent.html).toBe('<p>П\n<div>1 &lt; 2 &amp; &#233;<br>\nSecond</div>\n</body>\n');
  });
});

describe('draft.appendText() in several parts', () => {
  const plain = part('Content-Type: text/plain; charset=utf-8', 'Hi');
  const html = part('Content-Type: text/html; charset=utf-8', '<p>Hi</p></body>');
  const image = part('Content-Type: image/png\nContent-Transfer-Encoding: base64', 'iVBORw0KGgo=');
  const attached = part('Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt', 'A');
  const named = part('Content-Type: text/plain; name=b.txt', 'B');
  const mail = part('Content-Type: message/rfc822', 'Subject: x\n\nInner');
  const calendar = part('Content-Type: text/calendar; method=REQUEST', 'BEGIN:VCALENDAR\nEND:VCALENDAR');
  const alternative = multipart('ALT', plain, html);
  const nested = (type: string, boundary: string, content: string): string =>
    part(`Content-Type: multipart/${type}; boundary=${boundary}`, content);
  const header = (type: string, boundary: string): string[] => [
    'MIME-Version: 1.0',
    `Content-Type: multipart/${type}; boundary="${boundary}"`,
  ];

  it('puts it into both parts of an alternative, and nowhere else', async () => {
    const sent = await append(header('alternative', 'ALT'), multipart('ALT', plain, html, calendar));
    expect(sent.told).toEqual([true]);
    expect(bodyOf(sent)).toBe(
      multipart(
        'ALT',
        part('Content-Type: text/plain; charset=utf-8', `Hi\n${TEXT}\n`),
        part('Content-Type: text/html; charset=utf-8', `<p>Hi</p>\n${HTML}\n</body>`),
        calendar,
      ),
    );
  });

  it.each([
    ['mixed: text, attachments', 'mixed', [plain, image, attached, named, mail], [TEXT]],
    [
      'mixed: alternative, attachment',
      'mixed',
      [nested('alternative', 'ALT', alternative), attached],
      [TEXT, HTML],
    ],
    ['mixed: text, image, text', 'mixed', [plain, image, plain], [TEXT]],
    ['related: HTML, image', 'related', [html, image], [HTML]],
    [
      'alternative: text, related HTML',
      'alternative',
      [plain, nested('related', 'REL', multipart('REL', html, image))],
      [TEXT, HTML],
    ],
  ])('adds as often as the text ends: %s', async (_name, type, parts, added) => {
    const body = multipart('OUT', ...parts);
    const sent = await append(header(type, 'OUT'), body);
    expect(sent.told).toEqual([true]);
    const after = bodyOf(sent);
    for (const one of [TEXT, HTML]) expect(after.split(one)).toHaveLength(added.includes(one) ? 2 : 1);
    const without = after.replace(`\n${TEXT}\n`, '').replace(`\n${HTML}\n`, '');
    expect(without).toBe(body);
  });

  it('puts it into the parts in whatever order they are', async () => {
    const sent = await append(header('alternative', 'ALT'), multipart('ALT', html, plain), 'Grüße');
    expect(sent.told).toEqual([true]);
    expect(sent.text).toBe('Hi\nGrüße\n');
    expect(sent.html).toContain(`<p>Hi</p>\n${HTML}\n</body>`);
  });

  it.each([
    ['a named text', 'mixed', named],
    ['a text that is related to another', 'related', part('Content-Type: text/plain', 'R')],
  ])('leaves %s alone', async (_name, type, other) => {
    const sent = await append(header(type, 'OUT'), multipart('OUT', html, other));
    expect(sent.told).toEqual([true]);
    expect(bodyOf(sent)).toBe(multipart('OUT', html.replace('</body>', `\n${HTML}\n</body>`), other));
  });

  it('puts it at the end of the last part of text that is shown', async () => {
    const last = part('Content-Type: text/plain; charset=utf-8', 'Bye');
    const sent = await append(header('mixed', 'OUT'), multipart('OUT', plain, image, last, attached));
    expect(bodyOf(sent)).toContain(`Bye\n${TEXT}\n\n--OUT`);
  });

  it('changes the header of a part that needs another charset', async () => {
    const old = part('Content-Type: text/plain;\n charset=us-ascii\nX-Kept: yes', 'Hi');
    const sent = await append(header('mixed', 'OUT'), multipart('OUT', old, attached), 'Grüße');
    expect(sent.text).toBe('Hi\nGrüße\n');
    expect(bodyOf(sent)).toContain('X-Kept: yes\n');
    expect(bodyOf(sent)).toMatch(/^[\0-\x7f]*$/);
    expect(fieldOf(sent, 'Content-Type')).toBe('multipart/mixed; boundary="OUT"');
    expect(sent.attachments).toEqual(['A']);
  });

  it('keeps to the parts where one of them has no end', async () => {
    const open = alternative.replace('--ALT--\n', '');
    const sent = await append(
      header('mixed', 'OUT'),
      multipart('OUT', nested('alternative', 'ALT', open), image),
    );
    expect(sent.told).toEqual([true]);
    expect(bodyOf(sent).indexOf(HTML)).toBeLessThan(bodyOf(sent).indexOf('image/png'));
    expect(bodyOf(sent)).toContain(image);
  });

  it.each<[string, readonly string[], string]>([
    [
      'signed',
      header('signed', 'SIG'),
      multipart(
        'SIG',
        plain,
        part('Content-Type: application/pgp-signature', '-----BEGIN PGP SIGNATURE-----'),
      ),
    ],
    [
      'encrypted',
      header('encrypted', 'ENC'),
      multipart('ENC', part('Content-Type: application/pgp-encrypted', 'Version: 1')),
    ],
    [
      'signed within mixed',
      header('mixed', 'OUT'),
      multipart('OUT', nested('signed', 'SIG', multipart('SIG', plain, image)), image),
    ],
    [
      'S/MIME',
      ['Content-Type: application/pkcs7-mime; name=smime.p7m', 'Content-Transfer-Encoding: base64'],
      'MIAG\n',
    ],
    [
      'PGP in the text',
      [],
      'Hi\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHi\n-----BEGIN PGP SIGNATURE-----\n',
    ],
    [
      'PGP in base64',
      ['Content-Transfer-Encoding: base64'],
      `${Buffer.from('-----BEGIN PGP MESSAGE-----\r\n\r\nx').toString('base64')}\n`,
    ],
    ['an attachment alone', ['Content-Type: text/plain', 'Content-Disposition: attachment'], 'Hi\n'],
    ['no text', ['Content-Type: image/png', 'Content-Transfer-Encoding: base64'], 'iVBORw0KGgo=\n'],
    ['a calendar alone', ['Content-Type: text/calendar'], 'BEGIN:VCALENDAR\n'],
    ['a charset that is not known', ['Content-Type: text/plain; charset=x-nothing'], 'Hi\n'],
    ['a transfer encoding that is not known', ['Content-Transfer-Encoding: x-uuencode'], 'begin 644 a\n'],
    ['a multipart without parts', header('mixed', 'OUT'), 'Hi\n'],
    [
      'more parts than are counted',
      header('mixed', 'OUT'),
      multipart('OUT', ...Array.from({ length: 1001 }, () => image)),
    ],
  ])('leaves alone, and says so: %s', async (_name, headers, body) => {
    const sent = await append(headers, body);
    expect(sent.told).toEqual([false]);
    expect(sent.delivery.modifications).toEqual([]);
  });

  it.each([
    ['bytes that are no iso-2022-jp', 'iso-2022-jp', '8bit', 'caf\xe9\n'],
    ['8-bit bytes in quoted-printable', 'iso-8859-1', 'quoted-printable', 'caf\xe9\n'],
  ])('leaves alone what it would have to convert and cannot: %s', async (_name, charset, encoding, body) => {
    const headers = [
      `Content-Type: text/plain; charset=${charset}`,
      `Content-Transfer-Encoding: ${encoding}`,
    ];
    expect((await append(headers, body, 'Grüße')).told).toEqual([false]);
    // As ASCII it needs no conversion.
    expect((await append(headers, body, 'Hi')).told).toEqual([true]);
  });

  it('changes either all that are shown or nothing', async () => {
    const odd = part('Content-Type: text/html; charset=x-nothing', '<p>Hi</body>');
    const sent = await append(header('alternative', 'ALT'), multipart('ALT', plain, odd));
    expect(sent.told).toEqual([false]);
    expect(sent.delivery.modifications).toEqual([]);
  });
});

describe('draft.appendText() in a filter', () => {
  it('appends several texts, one below the other', async () => {
    const filter = onMessage(async (_message, { draft }) => {
      await Promise.all([draft.appendText('one'), draft.appendText('zwölf'), draft.appendText('three')]);
    });
    expect((await send(filter, [], 'Hi\n')).text).toBe('Hi\none\nzwölf\nthree\n');
  });

  it('appends to a body that was set before', async () => {
    const filter = onMessage(async (_message, { draft }) => {
      draft.body = 'New\r\n';
      await draft.appendText('text');
    });
    expect((await send(filter, [], 'Hi\n')).text).toBe('New\ntext\n');
  });

  it('reads a long body in pieces, from its file', async () => {
    const long = 'A line of some length, to be kept in a file\n'.repeat(2_000);
    const filter = onMessage({ limits: { memory: 1_000 } }, async (_message, { draft }) => {
      await draft.appendText('Grüße');
    });
    expect((await send(filter, [], long)).text).toBe(`${long}Grüße\n`);
  });

  it.each<[string, Filter, string]>([
    [
      'no body',
      onMessage({ body: 'none' }, async (_m, { draft }) => {
        await draft.appendText('x');
      }),
      "body: 'buffer'",
    ],
    [
      'a text that is none',
      onMessage(async (_m, { draft }) => {
        await draft.appendText(7 as never);
      }),
      'a string',
    ],
    [
      'a misspelt option',
      onMessage(async (_m, { draft }) => {
        await draft.appendText('x', { htlm: 'x' } as never);
      }),
      'Did you mean html',
    ],
    [
      'a body that can be read once',
      onMessage(async (_m, { draft }) => {
        draft.body = (function* () {
          yield 'x';
        })();
        await draft.appendText('x');
      }),
      'only once',
    ],
    [
      'a promise that is forgotten',
      onMessage((_m, { draft }) => {
        void draft.appendText('x');
      }),
      'await it',
    ],
  ])('fails, and says why: %s', async (_name, filter, words) => {
    const sent = await send(filter, [], 'Hi\n');
    expect(sent.errors.join()).toContain(words);
    expect(sent.delivery.outcome).toBe('deferred');
  });

  it('says that it could not where the body is not all here', async () => {
    const told: unknown[] = [];
    const filter = onMessage({ maxBytes: 2 }, async (_message, { draft }) => {
      told.push(await draft.appendText('x'));
    });
    const sent = await send(filter, [], 'Hi there\n');
    expect(told).toEqual([false]);
    expect(sent.delivery.modifications).toEqual([]);
  });
});

describe('draft.appendText() on a body in pieces', () => {
  const html = '<p>caf=C3=A9=3C/bo=\r\ndy>';
  const parts = [
    `Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n${'SGkg'.repeat(50)}`,
    `Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${html}`,
  ];
  const body = Buffer.from(parts.map((one) => `--B\r\n${one}\r\n`).join('') + '--B--\r\n');
  const header = Buffer.from('Content-Type: multipart/alternative; boundary=B\r\n\r\n');

  it.each([1, 2, 3, 7, 76, 10_000])('makes the same of pieces of %i bytes', async (size) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) pieces.push(body.subarray(at, at + size));
    const changed = await appendText(header, pieces, 'Grüße', '<b>é</b>');
    const parsed = await simpleParser(
      Buffer.concat([header, await buffer(Readable.from(changed?.body ?? []))]),
      {
        skipTextToHtml: true,
        skipHtmlToText: true,
      },
    );
    expect(changed?.fields).toEqual([]);
    expect(parsed.text).toBe(`${'Hi '.repeat(50)}\nGrüße\n`);
    expect(parsed.html).toBe('<p>café\n<b>&#233;</b>\n</body>');
  });
});

describe('draft.appendText() on any text', () => {
  const line = fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .map((one) => one.replace(/[\r\n\0\u2028\u2029\ufffd\ufeff]/g, ' '));
  const lines = fc.array(line, { minLength: 1, maxLength: 5 }).map((all) => all.join('\n'));
  const ascii = (text: string): string => text.replace(/[^\0-\x7f]/gu, '?');
  const encode: Record<string, (text: string) => string> = {
    '7bit': ascii,
    '8bit': (text) => Buffer.from(text).toString('latin1'),
    base64: (text) => Buffer.from(text.replace(/\n/g, '\r\n')).toString('base64').replace(/.{76}/g, '$&\n'),
  };

  it('gives both texts to another parser', async () => {
    await fc.assert(
      fc.asyncProperty(
        lines,
        lines,
        fc.constantFrom('7bit', '8bit', 'base64'),
        async (body, text, encoding) => {
          const headers = [
            'Content-Type: text/plain; charset=utf-8',
            `Content-Transfer-Encoding: ${encoding}`,
          ];
          const sent = await append(headers, encode[encoding]?.(`${body}\n`) ?? '', text);
          expect(sent.text).toBe(
            `${encoding === '7bit' ? ascii(body) : body}\n${text}${text.endsWith('\n') ? '' : '\n'}`,
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});
