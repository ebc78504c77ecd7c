import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { headersOf } from './support/headers-of.js';

/** What people see of a subject. */
function textOf(value: string | Uint8Array): string | undefined {
  return headersOf(['Subject', value]).text('Subject');
}

describe('The text of a header', { timeout: 30_000 }, () => {
  it.each([
    ['(=?ISO-8859-1?Q?a?=)', '(a)'],
    ['(=?ISO-8859-1?Q?a?= b)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a?=\n    =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a_b?=)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)', '(a b)'],
    [
      '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=',
      'If you can read this you understand the example.',
    ],
    ['Time for ISO 10646?', 'Time for ISO 10646?'],
  ])('is of %j what RFC 2047 (8) has for it', (value, text) => {
    expect(textOf(value)).toBe(text);
  });

  it.each([
    ['=?us-ascii*en-us?Q?This_is?=', 'This is', 'a language (RFC 2231, 5)'],
    ['=?utf-8?q?=f0=9f=93=ac?=', '📬', 'small letters'],
    ['=?UTF-8?B?4pw=?= =?UTF-8?B?kw==?=', '✓', 'a character cut in two by the sender'],
    ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=', '日本', 'a character set with shifts'],
    ['=?koi8-r?B?8NLJ18XU?=', 'Привет', 'a character set of one byte'],
    ['Grüße =?utf-8?Q?aus_K=C3=B6ln?=', 'Grüße aus Köln', 'UTF-8 beside it (RFC 6532)'],
    ['x=?utf-8?Q?=C3=A9?=y', 'xéy', 'other text beside it without a blank'],
  ])('is of %j: %s (%s)', (value, text) => {
    expect(textOf(value)).toBe(text);
  });

  it.each([
    ['=?utf-8?Q?open', 'an end that is missing'],
    ['=?utf-8?X?abc?=', 'an unknown encoding'],
    ['=?utf-8?Q', 'hardly more than a beginning'],
    ['=??Q?a?=', 'no character set'],
    ['=? utf-8 ?Q?a?=', 'blanks'],
  ])('is %j itself where there is %s', (value) => {
    expect(textOf(value)).toBe(value);
  });

  it.each([
    ['=?no-such-set?Q?a=E9b?=', 'a\ufffdb'],
    ['=?utf-8?Q?a=E9b?=', 'a\ufffdb'],
    ['=?utf-8?Q?a=ZZ?=', 'a=ZZ'],
    ['=?utf-8?B?YW?=', 'a'],
    ['=?utf-8?B?****?=', ''],
  ])('has what can be read of %j: %j', (value, text) => {
    expect(textOf(value)).toBe(text);
  });

  it('has a blank for each line break and control character that was encoded', () => {
    expect(textOf('=?utf-8?Q?a=0D=0ABcc:_x@y.example=00=1B=0Ab?=')).toBe('a Bcc: x@y.example   b');
    expect(textOf('=?utf-8?B?YQpiDWM=?=')).toBe('a b c');
  });

  it('is undefined where there is no such field', () => {
    expect(headersOf(['Subject', 'a']).text('Subject', 2)).toBeUndefined();
    expect(headersOf().text('Subject')).toBeUndefined();
  });

  it('is one line, whatever a mail holds', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '=?',
        '?=',
        '?',
        '=',
        '?Q?',
        '?b?',
        'utf-8',
        'iso-2022-jp',
        'utf-7',
        'gb18030',
        'utf-16',
      ),
      fc.constantFrom(
        '\n ',
        '\n',
        '\r\n\t',
        ' ',
        '=0A',
        '=0d',
        'Cg==',
        '=?utf-8?Q?=0A?=',
        '\x1b$B',
        '=?x?Q?a?=',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        expect(textOf(pieces.join(''))).not.toMatch(/[\n\0]/);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom('utf-8', 'gbk', 'euc-jp', 'x'),
        (bytes, set) => {
          const word = `=?${set}?B?${Buffer.from(bytes).toString('base64')}?=`;
          expect(textOf(word)).not.toMatch(/[\n\0]/);
          expect(textOf(bytes)).toBeTypeOf('string');
        },
      ),
    );
  });

  const MEGABYTE = 1 << 20;
  it.each([
    ['=?'],
    ['?='],
    ['='],
    ['\n '],
    [' '],
    ['=?utf-8?Q?'],
    ['=?utf-8?Q?a?= '],
    ['=?utf-8?B?YQ==?=\n '],
    ['=?utf-8?Q?a?= =?utf-8?B?YQ==?= '],
    ['=?u?Q?=  '],
    ['=?u?Q?= ='],
    ['é'],
  ])('is there at once for a megabyte of %j', (piece) => {
    const value = piece.repeat(MEGABYTE / piece.length);
    expect(textOf(value)).toBeTypeOf('string');
  });
});
