import fc from 'fast-check';
import { expect, it } from 'vitest';

import { RepeatedHeader } from '../../src/session/connection/repeated-header.js';

/** The body in a text whose header has those fields, in pieces of that many bytes. */
function bodyOf(names: readonly string[], text: string, size: number): string {
  const repeated = new RepeatedHeader(names);
  const bytes = Buffer.from(text);
  let body = '';
  for (let at = 0; at < bytes.length; at += size) body += String(repeated.cut(bytes.subarray(at, at + size)));
  return body;
}

it.each([1, 2, 3, 7, 100])(
  'a body that does not begin with the header is left as it is, in pieces of %i',
  (size) => {
    for (const text of ['Sudden: a\r\n\r\nb', 'Sub', 'Subject', 'Subject x:\r\n\r\n', '\r\n\r\nSubject: a']) {
      // What is shorter than the name of the field may still become it.
      const expected = 'Subject:'.startsWith(text) ? '' : text;
      expect(bodyOf(['Subject', 'To'], text, size)).toBe(expected);
    }
  },
);

it.each([1, 2, 3, 7, 100])('the header goes, however it is spelled and folded, in pieces of %i', (size) => {
  expect(bodyOf(['Subject', 'To'], 'SUBJECT: a\r\n b\r\nTo: c\r\n\r\nHi\r\n\r\nthere', size)).toBe(
    'Hi\r\n\r\nthere',
  );
  expect(bodyOf(['A'], 'a: 1\n\nHi', size)).toBe('Hi');
  expect(bodyOf([], '\r\nHi', size)).toBe('Hi');
});

it('the pieces make no difference', () => {
  const text = fc.stringMatching(/^[A:\r\n x]{0,30}$/).map((rest) => `A: 1\r\n${rest}`);
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), (given, size) => {
      expect(bodyOf(['A'], given, size)).toBe(bodyOf(['A'], given, 1_000));
    }),
  );
});
