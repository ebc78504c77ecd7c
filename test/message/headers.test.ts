import fc from 'fast-check';
import { Headers, AnswerError } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { field, headersOf } from './support/headers-of.js';

describe('Headers', () => {
  const headers = headersOf(
    ['Received', 'from a.example by b.example;\n\tFri, 21 Nov 1997 10:01:22 -0600'],
    ['Subject', 'one'],
    ['X-Spam', 'yes'],
    ['SUBJECT', 'two'],
    ['subject', 'three'],
  );

  it('finds a field in any case, the first where no number is given', () => {
    expect(headers.get('Subject')).toBe('one');
    expect(headers.get('sUBJECT')).toBe('one');
    expect(headers.get('x-spam')).toBe('yes');
  });

  it('counts several of one name from 1, however each is spelled', () => {
    expect([1, 2, 3, 4].map((n) => headers.get('Subject', n))).toEqual(['one', 'two', 'three', undefined]);
    expect(headers.getAll('subject')).toEqual(['one', 'two', 'three']);
    expect(headers.count('subject')).toBe(3);
    expect(headers.fields('Subject').map(({ name }) => name)).toEqual(['Subject', 'SUBJECT', 'subject']);
    expect(headers.field('Subject', 2)).toBe([...headers][3]);
  });

  it('has nothing of a name that is not there, and of one that only begins like it', () => {
    expect(headers.get('Subjec')).toBeUndefined();
    expect(headers.getAll('Subject-')).toEqual([]);
    expect(headers.has('To')).toBe(false);
    expect(headers.has('X-SPAM')).toBe(true);
    expect(headers.count('')).toBe(0);
  });

  it('has its fields in order', () => {
    expect(headers).toHaveLength(5);
    expect([...headers].map(({ name }) => name)).toEqual([
      'Received',
      'Subject',
      'X-Spam',
      'SUBJECT',
      'subject',
    ]);
    expect(headers.fields()).toEqual([...headers]);
    expect([...new Headers([])]).toEqual([]);
  });

  it.each([0, -1, 1.5, NaN, Infinity])(
    'refuses to look for field number %d, since they count from 1',
    (n) => {
      expect(() => headers.get('Subject', n)).toThrow(AnswerError);
      expect(() => headers.field('Subject', n)).toThrow(/not a whole number from 1/);
    },
  );

  it('unfolds: line breaks go, the white space after them stays (RFC 5322, 2.2.3)', () => {
    expect(headersOf(['Subject', 'This\n is a test']).get('Subject')).toBe('This is a test');
    expect(headersOf(['Subject', 'This\r\n\t is\n  \n a test']).get('Subject')).toBe('This\t is   a test');
  });

  it('neither decodes nor trims what get() gives', () => {
    expect(headersOf(['Subject', ' =?utf-8?Q?a?=  ']).get('Subject')).toBe(' =?utf-8?Q?a?=  ');
  });

  it('shows bytes as text, and leaves the blank after the colon out of it', () => {
    const latin = new Headers([field('Subject', Buffer.from('Gr\xfc\xdfe', 'latin1'))]);
    expect(latin.get('Subject')).toBe('Grüße');
    expect(latin.text('Subject')).toBe('Grüße');
  });

  it('finds of random names what a filter over all of them finds', () => {
    const name = fc.constantFrom('a', 'A', 'b', 'B', 'aB', 'Ab', 'ab');
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 12 }),
        name,
        fc.integer({ min: 1, max: 5 }),
        (names, wanted, n) => {
          const all = new Headers(names.map((each, index) => field(each, String(index))));
          const expected = names.flatMap((each, index) =>
            each.toUpperCase() === wanted.toUpperCase() ? [String(index)] : [],
          );
          expect(all.getAll(wanted)).toEqual(expected);
          expect(all.get(wanted, n)).toBe(expected[n - 1]);
          expect(all.count(wanted)).toBe(expected.length);
        },
      ),
    );
  });
});
