import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { headersOf } from './support/headers-of.js';

/** The date that a value tells, in UTC. */
function dateOf(value: string): string | undefined {
  return headersOf(['Date', value]).date()?.toISOString();
}

describe('The date of a header', { timeout: 30_000 }, () => {
  it.each([
    ['Fri, 21 Nov 1997 09:55:06 -0600', '1997-11-21T15:55:06.000Z'],
    ['Tue, 1 Jul 2003 10:52:37 +0200', '2003-07-01T08:52:37.000Z'],
    ['Thu, 13 Feb 1969 23:32:54 -0330', '1969-02-14T03:02:54.000Z'],
    [
      'Thu,\n      13\n        Feb\n          1969\n      23:32\n               -0330 (Newfoundland Time)',
      '1969-02-14T03:02:00.000Z',
    ],
    ['21 Nov 97 09:55:06 GMT', '1997-11-21T09:55:06.000Z'],
    ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', '1997-11-21T15:55:06.000Z'],
  ])('is of %j the one that RFC 5322 (appendix A) means', (value, expected) => {
    expect(dateOf(value)).toBe(expected);
  });

  it.each([
    ['1 Jan 49 00:00 UT', '2049-01-01T00:00:00.000Z'],
    ['1 Jan 50 00:00 UT', '1950-01-01T00:00:00.000Z'],
    ['1 Jan 103 00:00 UT', '2003-01-01T00:00:00.000Z'],
    ['1 Jan 2003 00:00 EST', '2003-01-01T05:00:00.000Z'],
    ['1 Jan 2003 00:00 EDT', '2003-01-01T04:00:00.000Z'],
    ['1 Jan 2003 00:00 CST', '2003-01-01T06:00:00.000Z'],
    ['1 Jan 2003 00:00 CDT', '2003-01-01T05:00:00.000Z'],
    ['1 Jan 2003 00:00 MST', '2003-01-01T07:00:00.000Z'],
    ['1 Jan 2003 00:00 MDT', '2003-01-01T06:00:00.000Z'],
    ['1 Jan 2003 00:00 PST', '2003-01-01T08:00:00.000Z'],
    ['1 Jan 2003 00:00 PDT', '2003-01-01T07:00:00.000Z'],
    ['1 Jan 2003 00:00 A', '2003-01-01T00:00:00.000Z'],
    ['1 Jan 2003 00:00 CEST', '2003-01-01T00:00:00.000Z'],
    ['1 Jan 2003 00:00 -0000', '2003-01-01T00:00:00.000Z'],
  ])('is of %j as RFC 5322 (4.3) has years and zones', (value, expected) => {
    expect(dateOf(value)).toBe(expected);
  });

  it.each([
    ['31 Dec 1998 23:59:60 +0000', '1999-01-01T00:00:00.000Z', 'a leap second'],
    ['29 feb 2000 12:00 +0000', '2000-02-29T12:00:00.000Z', 'small letters'],
    ['Mon, 21 Nov 1997 09:55:06 +0000', '1997-11-21T09:55:06.000Z', 'a wrong day of the week'],
    ['21 Nov 1997 09:55:06', '1997-11-21T09:55:06.000Z', 'no zone'],
    ['(a (nested \\) one)) 21 Nov 1997 09:55 +0000', '1997-11-21T09:55:00.000Z', 'a comment in front'],
  ])('is of %j: %s (%s)', (value, expected) => {
    expect(dateOf(value)).toBe(expected);
  });

  it.each([
    '',
    'yesterday',
    'foo 1',
    '1997-11-21T09:55:06Z',
    '30 Feb 2000 00:00 +0000',
    '29 Feb 2001 00:00 +0000',
    '0 Jan 2001 00:00 +0000',
    '1 Foo 2001 00:00 +0000',
    '1 Jan 2001 24:00 +0000',
    '1 Jan 2001 00:60 +0000',
    '1 Jan 2001 00:00:61 +0000',
    '1 Jan 2001 00:00 +0060',
    '1 Jan 2001 00:00 +000',
    '1 Jan 999999 00:00 +0000',
    '1 Jan 2001 00:00 +0000 and more',
    '1 Jan 2001 (00:00 +0000',
    '1 Jan 2001',
  ])('is undefined for %j', (value) => {
    expect(dateOf(value)).toBeUndefined();
  });

  it('is of the first field of that name, Date where none is given', () => {
    const headers = headersOf(
      ['Resent-Date', '1 Jan 2001 00:00 Z'],
      ['date', '1 Jan 2002 00:00 Z'],
      ['Date', 'x'],
    );
    expect(headers.date()?.getUTCFullYear()).toBe(2002);
    expect(headers.date('Resent-date')?.getUTCFullYear()).toBe(2001);
    expect(headers.date('X')).toBeUndefined();
  });

  it('is any date again that was written as mail programs do', () => {
    const range = {
      min: new Date('1900-01-01T00:00:00Z'),
      max: new Date('9999-12-30T00:00:00Z'),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(range), (date) => {
        const second = new Date(Math.floor(date.getTime() / 1000) * 1000);
        expect(dateOf(second.toUTCString())).toBe(second.toISOString());
      }),
    );
  });

  it('is undefined or a valid one, whatever a mail holds', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '\\',
      ' ',
      '\n ',
      ',',
      'Mon',
      'Jan',
      '1',
      '99',
      '2001',
      ':',
      '00',
      '+0100',
      'GMT',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
        expect(
          headersOf(['Date', pieces.join('')])
            .date()
            ?.getTime() ?? 0,
        ).not.toBeNaN();
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['(', '()', ' ', '1', '\\', '(\\', 'Mon '])('is known at once for a megabyte of %j', (piece) => {
    expect(dateOf(piece.repeat((1 << 20) / piece.length))).toBeUndefined();
  });
});
