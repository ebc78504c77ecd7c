import { describe, expect, it } from 'vitest';

import { framesIn, frame } from '../support/session-frames.js';
import { frames } from '../support/vectors.js';
import { Accountant } from './support/accountant.js';
import { decodeReply } from './support/decode-reply.js';
import { MtaCommand } from './support/mta-command.js';

const TERMS = { version: 6, actions: 0x1ff, protocol: 0 };

/** What a bad filter might send, and which an MTA would take amiss, or worse, would not. */
const BAD: readonly (readonly [string, string, string | Buffer])[] = [
  ['data after CONTINUE', 'c', 'x'],
  ['an unknown letter', 'Z', ''],
  ['SHUTDOWN', '4', ''],
  ['a text without its end', 'y', '550 5.7.1 no'],
  ['a single percent sign', 'y', '550 5.7.1 100%\0'],
  ['a forged line', 'y', '550 5.7.1 no\r\n250 2.0.0 yes\0'],
  ['a bare line feed', 'y', '550 5.7.1 no\n250 2.0.0 yes\0'],
  ['no hyphen before the last line', 'y', '550 5.7.1 one\r\n550 5.7.1 two\0'],
  ['a code that is no refusal', 'y', '250 2.0.0 yes\0'],
  ['an enhanced code of another class', 'y', '550 4.7.1 no\0'],
  ['a header name with a colon', 'h', 'X:\0y\0'],
  ['a header value with a line of its own', 'h', 'X\0y\nBcc: z\0'],
  ['a header with one string', 'h', 'X\0'],
  ['a header with three strings', 'h', 'X\0y\0z\0'],
  ['an index 0', 'm', '\0\0\0\0X\0y\0'],
  ['an index that is negative', 'i', '\xff\xff\xff\xffX\0y\0'],
  ['a bare address', '+', 'a@b\0'],
  ['two recipients in one', '+', '<a@b>,<c@d>\0'],
  ['a reason of two lines', 'q', 'a\r\nb\0'],
  ['a body of too much', 'b', Buffer.alloc(65_536)],
];

describe('The strict decoder', () => {
  it.each(BAD)('refuses %s', (_what, letter, data) => {
    expect(() => decodeReply(frame(letter, data), TERMS.actions)).toThrow();
  });

  it.each([
    'R03',
    'R04',
    'R05',
    'R06',
    'R09',
    'R10',
    'R20',
    'R21',
    'R22',
    'R24',
    'R26',
    'R28',
    'R30',
    'R31',
    'R32',
    'R36',
  ])('takes %s of the samples', (id) => {
    for (const hex of framesIn(frames(id)))
      expect(() => decodeReply(Buffer.from(hex, 'hex'), TERMS.actions)).not.toThrow();
  });

  it.each(['h', 'b', '+', '-', 'm', 'q', 'e', '2'])('refuses %s without its right', (letter) => {
    expect(() => decodeReply(frame(letter, ''), 0)).toThrow(/without its right/);
  });
});

describe('The accountant', () => {
  const open = (protocol = 0): Accountant =>
    new Accountant({ ...TERMS, protocol }, { reply: 10, eom: 20 }, () => 0);

  it('refuses a reply that nobody asked for', () => {
    const books = open();
    books.sent(new MtaCommand('M', '<>\0'));
    expect(books.heard(frame('c'))).toBe('c');
    expect(() => books.heard(frame('c'))).toThrow(/Nobody asked/);
  });

  it('refuses one where it was agreed that there is none, and after an abort', () => {
    const quiet = open(0x4000);
    quiet.sent(new MtaCommand('M', '<>\0'));
    expect(() => quiet.heard(frame('c'))).toThrow(/Nobody asked/);
    const aborted = open();
    aborted.sent(new MtaCommand('M', '<>\0'));
    aborted.sent(new MtaCommand('A'));
    expect(() => aborted.heard(frame('c'))).toThrow(/Nobody asked/);
  });

  it.each([
    ['C', 'd'],
    ['H', 'd'],
    ['U', 'a'],
    ['U', 'd'],
    ['R', 's'],
    ['B', 's'],
    ['E', 's'],
    ['B', 'p'],
  ])('refuses in answer to %s the letter %s', (command, letter) => {
    const books = open();
    books.sent(new MtaCommand(command));
    expect(() => books.heard(frame(letter))).toThrow(/in answer to/);
  });

  it('takes SKIP in answer to a body where that was agreed on', () => {
    const books = open(0x400);
    books.sent(new MtaCommand('B', 'x'));
    expect(books.heard(frame('s'))).toBe('s');
  });

  it('refuses a sign of life within a body, and modifications of what is refused', () => {
    const books = open();
    books.sent(new MtaCommand('E'));
    expect(books.heard(frame('b', 'x'))).toBeUndefined();
    expect(() => books.heard(frame('p'))).toThrow(/after a piece/);
    const refused = open();
    refused.sent(new MtaCommand('E'));
    refused.heard(frame('h', 'X\0y\0'));
    expect(() => refused.heard(frame('r'))).toThrow(/of a refused message/);
  });
});
