import { beforeEach, describe, expect, test } from 'vitest';

import { Tolerant } from '../../bench/load/tolerant.mjs';
import type { Step } from '../../bench/mail/plan.mjs';
import { frame } from '../../bench/mail/wire.mjs';

const MAIL = ['mail', 'rcpt', 'rcpt', 'body', 'body', 'eom'];
const OVER = MAIL.length;
const stepsOf = (stages: readonly string[]): Step[] =>
  stages.map((stage) => ({ stage, send: Buffer.alloc(0), expect: Buffer.alloc(0) }));
const reply = frame('y', '550 5.7.1 No\0');
const header = frame('h', 'X-Any\0thing\0');

describe('the load of a filter of which nothing is known', () => {
  let tally: Record<string, number>;
  let judge: Tolerant;

  beforeEach(() => {
    tally = {};
    judge = new Tolerant(tally);
    judge.begin(stepsOf(MAIL));
  });

  const read = (at: number, ...frames: Buffer[]): number => {
    const bytes = Buffer.concat(frames);
    return judge.read(bytes, bytes.length, at);
  };

  test.each([
    ['a continue at mail: the next step', 0, [frame('c')], 1],
    ['an accept at mail: the message is over', 0, [frame('a')], OVER],
    ['a reply at mail: over', 0, [reply], OVER],
    ['a refused recipient of two: the next one', 1, [reply], 2],
    ['an accepted recipient: over', 1, [frame('a')], OVER],
    ['a discard at rcpt: over', 1, [frame('d')], OVER],
    ['a skip: the end of the message', 3, [frame('s')], 5],
    ['a reject at body: over', 3, [frame('r')], OVER],
    ['a sign of life: nothing yet', 5, [frame('p')], 5],
    ['a change: nothing yet', 5, [header], 5],
    [
      'changes and a continue: over',
      5,
      [frame('p'), header, frame('b', Buffer.alloc(65535)), frame('c')],
      OVER,
    ],
    ['a change and a tempfail: over', 5, [header, frame('t')], OVER],
  ])('takes %s', (_what, at, frames, next) => {
    expect(read(at, ...frames)).toBe(next);
  });

  test('sends no message on when every recipient is refused', () => {
    expect(read(1, frame('t'))).toBe(2);
    expect(read(2, reply)).toBe(OVER);
  });

  test('counts refused recipients for each message anew', () => {
    for (let message = 0; message < 2; message++) {
      judge.begin(stepsOf(MAIL));
      expect(read(1, frame('r'))).toBe(2);
      expect(read(2, frame('c'))).toBe(3);
    }
  });

  test('takes an answer byte by byte, and counts what it was', () => {
    for (const byte of [...header, ...header]) expect(judge.read(Buffer.of(byte), 1, 5)).toBe(5);
    expect(read(5, frame('c'))).toBe(OVER);
    expect(tally).toEqual({ ADDHEADER: 2, continue: 1 });
  });

  test.each([
    [
      'a letter that is none',
      0,
      [frame('z')],
      'the filter answers mail with "z", which is no answer to that',
    ],
    ['a byte that is none', 0, [frame('\x01')], 'answers mail with 0x1'],
    ['a change before the end', 3, [header], 'answers body with "h"'],
    ['a skip without a body', 1, [frame('s')], 'answers rcpt with "s"'],
    ['a negotiation', 0, [frame('O', Buffer.alloc(12))], 'answers mail with "O"'],
    ['text', 0, [Buffer.from('HTTP/1.1 400')], '485454502f …, which begins no frame'],
    ['a frame of no bytes', 0, [Buffer.alloc(5)], 'which begins no frame'],
    ['two answers', 0, [frame('c'), frame('c')], 'the filter sent 0000000163, which no event asked for'],
    ['an answer after the message', OVER, [frame('c')], 'which no event asked for'],
  ])('says in words what is wrong with %s', (_what, at, frames, message) => {
    expect(() => read(at, ...frames)).toThrow(message);
  });

  test('counts nothing of the opening of a session', () => {
    judge.begin(stepsOf(['connect', 'helo']));
    expect([read(0, frame('c')), read(1, frame('c')), tally]).toEqual([1, 2, {}]);
  });

  test('says that there is nothing to measure after an accept of the connection', () => {
    judge.begin(stepsOf(['connect', 'helo']));
    expect(() => read(0, frame('a'))).toThrow('answers connect with accept: there is no message to measure');
  });
});
