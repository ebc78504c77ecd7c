import fc from 'fast-check';
import { allow, on } from 'rxmilter';
import { deliver, EmlError, parseEml } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { latin1 } from '../support/vectors.js';

const ENVELOPE = { sender: 'a@example.com', recipients: ['b@example.org'] };

/** What is delivered of a text, without the MTA's own field. */
async function through(text: string | Uint8Array): Promise<string> {
  const { message } = await deliver(
    { ...ENVELOPE, ...parseEml(text) },
    { to: on(['header', 'body', 'eom'], () => allow()) },
  );
  return message.toString('latin1').replace(/^Received: .*\r\n(?:\t.*\r\n)*/, '');
}

/** Names, values and what stands after the colons. */
const fields = (text: string | Uint8Array): [string, string, string][] =>
  parseEml(text).headers.map(([name, value, raw]) => [name, value, raw.toString('latin1')]);
const body = (text: string | Uint8Array): string => parseEml(text).body.toString('latin1');

describe('parseEml', () => {
  it('splits a message into fields and body', () => {
    const text = 'Subject: Hi\r\nX-A: 1\r\nX-A: 2\r\n\r\nHello\r\n\r\nBye\r\n';
    expect(fields(text)).toEqual([
      ['Subject', 'Hi', ' Hi'],
      ['X-A', '1', ' 1'],
      ['X-A', '2', ' 2'],
    ]);
    expect(body(text)).toBe('Hello\r\n\r\nBye\r\n');
  });

  it('keeps what is after the colon, folds with LF included', () => {
    expect(fields('A:tight\r\nB:  two\r\nC:\ttab \r\nD:\r\nE: one\r\n two\r\n\tthree\r\n\r\n')).toEqual([
      ['A', 'tight', 'tight'],
      ['B', ' two', '  two'],
      ['C', '\ttab ', '\ttab '],
      ['D', '', ''],
      ['E', 'one\n two\n\tthree', ' one\n two\n\tthree'],
    ]);
  });

  it('takes text as UTF-8, and bytes as they are', () => {
    expect(fields('A: é\n\n')).toEqual([['A', 'é', ' \xc3\xa9']]);
    expect(fields(latin1('A: \xe9\n\n'))).toEqual([['A', 'é', ' \xe9']]);
  });

  it('gives a file with LF the line ends of a client', () => {
    expect(fields('A: 1\n 2\nB: 3\n\nx\ny\r\n\rz')).toEqual([
      ['A', '1\n 2', ' 1\n 2'],
      ['B', '3', ' 3'],
    ]);
    expect(body('A: 1\n\nx\ny\r\n\rz')).toBe('x\r\ny\r\n\rz');
  });

  it('leaves bare line ends in the body of a file with CRLF', () => {
    expect(body('A: 1\r\n\r\nx\ny\rz\0\xff\r\n')).toBe('x\ny\rz\0\xc3\xbf\r\n');
  });

  it('leaves out the line that an mbox has before a message', () => {
    expect(fields('From alice Mon Jan  1 00:00:00 2024\nFrom: alice\n\n')).toEqual([
      ['From', 'alice', ' alice'],
    ]);
  });

  it('takes a message without a header, and one without a body', () => {
    expect([fields('\r\nx\r\n'), body('\r\nx\r\n')]).toEqual([[], 'x\r\n']);
    expect([fields('\nx\n'), body('\nx\n')]).toEqual([[], 'x\r\n']);
    for (const text of ['A: 1', 'A: 1\r\n', 'A: 1\r\n\r\n']) {
      expect([fields(text), body(text)]).toEqual([[['A', '1', ' 1']], '']);
    }
  });

  it('keeps blanks before a colon, and takes a colon in a value for what it is', () => {
    expect(fields('A : b: c\r\n\r\n')).toEqual([['A ', 'b: c', ' b: c']]);
  });

  it.each([
    ['', 1, 'there is no message: the text is empty'],
    ['Hello world\n', 1, '"Hello world" is no header field ("Name: value"). An empty line ends the header.'],
    ['A: 1\r\nB 2\r\n\r\n', 2, '"B 2" is no header field'],
    ['A: 1\nFrom x\n\n', 2, '"From x" is no header field'],
    [' folded\n\n', 1, '" folded" begins with a blank, but there is no field before it'],
    ['From alice\n folded\n\n', 2, 'begins with a blank'],
    [': no name\n\n', 1, 'is no header field'],
    ['Ä: x\n\n', 1, 'is no header field'],
    ['A: 1\nB: \0\n\n', 2, 'there is a NUL in the header'],
    [`${'x'.repeat(100)}\n`, 1, `"${'x'.repeat(40)}…" is no header field`],
  ])('finds that %j is no message, and says where', (text, line, reason) => {
    expect(() => parseEml(text)).toThrow(EmlError);
    expect(() => parseEml(text)).toThrow(reason);
    expect(() => parseEml(text)).toThrow(expect.objectContaining({ line }) as Error);
  });

  it('gives the same bytes where the message is sent on without a change', async () => {
    const name = fc.stringMatching(/^[A-Za-z][\w-]{0,10}$/);
    const byte = fc.integer({ min: 1, max: 255 }).filter((one) => one !== 10 && one !== 13);
    const line = fc.array(byte, { maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes));
    const field = fc
      .tuple(name, fc.array(line, { minLength: 1, maxLength: 3 }))
      .map(([label, lines]) => `${label}:${lines.join('\r\n ')}\r\n`);
    const anyBody = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    await fc.assert(
      fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 6 }), anyBody, async (header, rest) => {
        const text = `${header.join('')}\r\n${rest}`;
        expect(await through(latin1(text))).toBe(text);
      }),
      { numRuns: 100 },
    );
  });
});
