import fc from 'fast-check';
import { isUtf8 } from 'node:buffer';
import { AnswerError } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { DraftHeaders } from '../../src/message/edit/draft-headers.js';
import { headerValue } from '../../src/session/check-text.js';

/** The value that a text becomes, and the text that is read from it. */
function written(text: string, name = 'Subject'): { value: string; read: string | undefined } {
  const draft = new DraftHeaders([], false);
  const { value } = draft.setText(name, text);
  expect(headerValue('test', value)).toBe(value);
  return { value, read: draft.text(name) };
}

const WORD = /=\?UTF-8\?([QB])\?([!->@-~]*)\?=/g;

/** Decodes UTF-8 words, with the rules of RFC 2047 and nothing of the package's. */
function decoded(value: string): string {
  const joined = value.replaceAll('\n', '').replace(/(\?=)[ \t]+(?==\?UTF-8\?)/g, '$1');
  return joined.replace(WORD, (_, encoding: string, text: string) => bytesOf(encoding, text).toString());
}

function bytesOf(encoding: string, text: string): Buffer {
  if (encoding === 'B') return Buffer.from(text, 'base64');
  const binary = text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1');
}

/** What may stand in a header of that name (RFC 2047, 2 and 5; RFC 5322, 2.1.1). */
function expectLegal(value: string, name: string): void {
  expect(value).toMatch(/^[\n\t\x20-\x7e]*$/);
  for (const [index, line] of value.split('\n').entries()) {
    const length = line.length + (index === 0 ? name.length + 2 : 0);
    if (index > 0) expect(line).toMatch(/^[ \t]+[^ \t]/);
    expect(length).toBeLessThanOrEqual(line.includes('=?') ? 76 : 998);
  }
  for (const [word, encoding = '', text = ''] of value.matchAll(WORD)) {
    expect(word.length).toBeLessThanOrEqual(75);
    // A character is never divided between two words.
    expect(isUtf8(bytesOf(encoding, text))).toBe(true);
  }
}

describe('setText()', { timeout: 30_000 }, () => {
  it.each([
    ['Hello, world'],
    ['a  b\tc'],
    ['[external] Re: = ? _ (x) "y" <z@a.example>'],
    [''],
    ['x'.repeat(800)],
  ])('writes %j as it is', (text) => {
    expect(written(text)).toEqual({ value: text, read: text });
  });

  it.each([
    ['Grüße', '=?UTF-8?Q?Gr=C3=BC=C3=9Fe?='],
    ['Re: Grüße aus Köln, bis bald', 'Re: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln=2C?= bis bald'],
    ['日本', '=?UTF-8?B?5pel5pys?='],
    ['📬 mail', '=?UTF-8?B?8J+TrA==?= mail'],
  ])(
    'encodes of %j no more than the words that need it, in the encoding that RFC 2047 (4) has for it',
    (text, value) => {
      expect(decoded(value)).toBe(text);
      expect(written(text)).toEqual({ value, read: text });
    },
  );

  it.each([
    '=?utf-8?Q?a?=',
    'a =?utf-8?Q?b?= c',
    '=?',
    ' a',
    'a ',
    ' ',
    '\t',
    '  a  b  ',
    `a${' '.repeat(21)}b`,
    'y'.repeat(2000),
  ])('encodes %j, which would not come back as it is', (text) => {
    const { value, read } = written(text);
    expect(value).toContain('=?UTF-8?');
    expectLegal(value, 'Subject');
    expect(read).toBe(text);
    expect(decoded(value)).toBe(text);
  });

  it('folds at 76 characters, where there are blanks', () => {
    const text = 'word '.repeat(40).trim();
    const { value, read } = written(text);
    expect(value.split('\n')).toHaveLength(3);
    for (const line of `Subject: ${value}`.split('\n')) expect(line.length).toBeLessThanOrEqual(76);
    expect(read).toBe(text);
  });

  it.each([
    ['a\r\nBcc: b@c.example', 'a Bcc: b@c.example'],
    ['a\nb\rc\0d\x1be\x7f.', 'a b c d e .'],
    ['a\r\n b\n\tc', 'a b\tc'],
    ['a\ud800b\udc00.', 'a\ufffdb\ufffd.'],
    ['\n', ' '],
  ])('makes %j a line: %j', (text, line) => {
    expect(written(text).read).toBe(line);
  });

  it('takes the place of the n-th, and leaves a field whose value is that already', () => {
    const draft = new DraftHeaders([], false);
    draft.append('Subject', 'a');
    draft.append('SUBJECT', 'b');
    draft.setText('subject', 'é', 2);
    expect([...draft].map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Subject: a',
      'SUBJECT: =?UTF-8?B?w6k=?=',
    ]);
    expect(draft.setText('subject', 'é', 2)).toBe(draft.field('subject', 2));
  });

  it('refuses what is no name, and what is no string', () => {
    const draft = new DraftHeaders([], false);
    expect(() => draft.setText('a b', 'x')).toThrow(/^draft\.headers\.setText: "a b" is not a header name/);
    expect(() => draft.setText('A', undefined as unknown as string)).toThrow(AnswerError);
    expect(draft).toHaveLength(0);
  });

  it('can be read back, and is legal, for any text', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.string({ unit: 'grapheme-ascii', maxLength: 80 }),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        ' ',
        '  ',
        '\t',
        '\n',
        '\r\n ',
        '=?',
        '?=',
        '=?utf-8?Q?a?=',
        '\ud83d',
        '👩‍👩‍👧‍👦',
        'é',
        '_',
        '=',
      ),
      fc.integer({ min: 1, max: 1500 }).map((length) => 'x'.repeat(length)),
      fc.integer({ min: 1, max: 1500 }).map((length) => ' '.repeat(length)),
      fc.integer({ min: 1, max: 300 }).map((length) => '語'.repeat(length)),
    );
    const header = fc.constantFrom('Subject', 'X', 'Comments', 'X-Some-Header-Of-A-Filter');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), header, (pieces, name) => {
        const text = pieces.join('');
        const line = Buffer.from(
          text.replace(/\r?\n(?=[ \t])/g, '').replace(/\r\n|[^\P{Cc}\t\x80-\x9f]/gu, ' '),
        );
        const { value, read } = written(text, name);
        expect(read).toBe(line.toString());
        expect(decoded(value)).toBe(line.toString());
        expectLegal(value, name);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['a', ' ', 'a ', 'é', 'é ', '\n', '📬', '=?', ' \t'])(
    'writes a megabyte of %j at once',
    (piece) => {
      const text = piece.repeat((1 << 20) / piece.length);
      expect(written(text).value.length).toBeGreaterThan(1000);
    },
  );
});
