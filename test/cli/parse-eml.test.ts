import { describe, expect, test } from 'vitest';
import { parseEml } from '../../src/cli/parse-eml.js';

function parts(text: string | Uint8Array): { headers: [string, string][]; body: string } {
  const { headers, body } = parseEml(Buffer.from(text), 'it');
  return {
    headers: headers.map(([name, value]) => [name, value.toString('latin1')]),
    body: body.toString('latin1'),
  };
}

describe('a message in a file', () => {
  test('has fields in order and a body', () => {
    expect(parts('A: 1\nb:2\nA:  3\n\nx\n\ny\n')).toEqual({
      headers: [
        ['A', '1'],
        ['b', '2'],
        ['A', ' 3'],
      ],
      body: 'x\r\n\r\ny\r\n',
    });
  });

  test('keeps the body of a file with CRLF as it is', () => {
    expect(parts('A: 1\r\n\r\nx\ny\r\nz')).toEqual({ headers: [['A', '1']], body: 'x\ny\r\nz' });
  });

  test('keeps folds and bytes beyond ASCII', () => {
    const bytes = Buffer.from('A: 1\r\n\t2\xff\r\n 3\r\n\r\n\xfe', 'latin1');
    expect(parts(bytes)).toEqual({ headers: [['A', '1\r\n\t2\xff\r\n 3']], body: '\xfe' });
  });

  test('may have no fields, no body, or neither', () => {
    expect(parts('\nx\n')).toEqual({ headers: [], body: 'x\r\n' });
    expect(parts('A: 1')).toEqual({ headers: [['A', '1']], body: '' });
    expect(parts('')).toEqual({ headers: [], body: '' });
  });

  test('may come from a mailbox', () => {
    expect(parts('From ann@example.com Thu Jan  1 00:00:00 2026\nA: 1\n\nx\n')).toEqual({
      headers: [['A', '1']],
      body: 'x\r\n',
    });
  });

  test('has its body where the fields end, as with a mail server', () => {
    expect(parts('A: 1\nno field\n')).toEqual({ headers: [['A', '1']], body: 'no field\r\n' });
  });

  test.each([['Hello\n'], [' x: 1\n'], ['\u0000\u0001']])('is none where it begins with %j', (text) => {
    expect(() => parts(text)).toThrow('it is no message: its first line is no header field');
  });
});
