import { describe, expect, it } from 'vitest';

import type { HeaderList } from '../../src/mta/simulate/header-list.js';
import { SendmailHeaderList } from '../../src/mta/simulate/sendmail.js';

/** Messages as a client sends them, as `Name: value`. */
const MESSAGES = {
  four: ['X-1: 1', 'X-2: 2', 'X-3: 3', 'X-4: 4'],
  many: ['X-1: 1', 'X-Many: one', 'X-2: 2', 'X-Many: two', 'X-3: 3'],
  mixed: ['Date: d', 'X-1: 1', 'From: f', 'Subject: s', 'Message-Id: m'],
  none: [],
} as const;

const split = (line: string): { name: string; raw: Buffer } => {
  const [name = '', value = ''] = line.split(': ');
  return { name, raw: Buffer.from(` ${value}`) };
};

function listOf(message: keyof typeof MESSAGES, leadspc = false): HeaderList {
  // What Sendmail makes itself has the value R, D, F or M.
  const own = ['Received: R', 'Date: D', 'From: F', 'Message-Id: M'].map(split);
  return new SendmailHeaderList(MESSAGES[message].map(split), own, leadspc);
}

/** Edits as `ADD name value`, `INS position name value`, `CHG n name value`, `DEL n name`. */
function edit(list: HeaderList, edits: string): void {
  for (const one of edits.split(', ')) {
    const [what = '', ...rest] = one.split(' ');
    const at = what === 'ADD' ? 0 : Number(rest.shift());
    const [name = '', value = ''] = rest;
    if (what === 'ADD') list.add(name, Buffer.from(value));
    else if (what === 'INS') list.insert(at, name, Buffer.from(value));
    else list.change(at, name, Buffer.from(value));
  }
}

/** What is delivered, in short: values, and names where they are not `X-…`. */
function delivered(list: HeaderList): string {
  return list
    .list()
    .map(({ value }) => value)
    .join(' ');
}

/** Each row was seen with Sendmail 8.17.1 and its standard configuration. */
const SEEN: readonly (readonly [message: keyof typeof MESSAGES, edits: string, delivered: string])[] = [
  ['four', 'INS 0 X-In +', '+ R D F M 1 2 3 4'],
  ['four', 'INS 1 X-In +', 'R + D F M 1 2 3 4'],
  ['four', 'INS 2 X-In +', 'R + D F M 1 2 3 4'],
  ['four', 'INS 3 X-In +', 'R D + F M 1 2 3 4'],
  ['four', 'INS 4 X-In +', 'R D + F M 1 2 3 4'],
  ['four', 'INS 5 X-In +', 'R D F + M 1 2 3 4'],
  ['four', 'INS 7 X-In +', 'R D F + M 1 2 3 4'],
  ['four', 'INS 8 X-In +', 'R D F M + 1 2 3 4'],
  ['four', 'INS 9 X-In +', 'R D F M 1 + 2 3 4'],
  ['four', 'INS 11 X-In +', 'R D F M 1 2 3 + 4'],
  ['four', 'INS 12 X-In +', 'R D F M 1 2 3 4 +'],
  ['four', 'INS 2147483646 X-In +', 'R D F M 1 2 3 4 +'],
  ['mixed', 'INS 0 X-In +', '+ R d 1 f s m'],
  ['mixed', 'INS 1 X-In +', 'R + d 1 f s m'],
  ['mixed', 'INS 8 X-In +', 'R + d 1 f s m'],
  ['mixed', 'INS 9 X-In +', 'R d + 1 f s m'],
  ['mixed', 'INS 12 X-In +', 'R d 1 f s + m'],
  ['mixed', 'INS 13 X-In +', 'R d 1 f s m +'],
  ['none', 'INS 2 X-In +', 'R + D F M'],
  ['none', 'INS 6 X-In +', 'R D F + M'],
  ['none', 'INS 8 X-In +', 'R D F M +'],
  ['four', 'INS 9 X-A a, INS 10 X-B b', 'R D F M 1 a b 2 3 4'],
  ['four', 'INS 10 X-A a, INS 9 X-B b', 'R D F M 1 b 2 a 3 4'],
  ['four', 'INS 9 X-A a, INS 9 X-B b', 'R D F M 1 b a 2 3 4'],
  ['four', 'INS 0 X-A a, INS 1 X-B b', 'a b R D F M 1 2 3 4'],
  ['four', 'INS 0 X-A a, INS 9 X-B b', 'a R D F M b 1 2 3 4'],
  ['four', 'CHG 1 X-1 , INS 10 X-In +', 'R D F M 2 + 3 4'],
  ['four', 'CHG 1 X-2 , INS 11 X-In +', 'R D F M 1 3 + 4'],
  ['four', 'ADD X-9 z, INS 12 X-In +', 'R D F M 1 2 3 4 + z'],
  ['four', 'ADD X-Many a, ADD X-Other o, ADD X-Many b', 'R D F M 1 2 3 4 b a o'],
  ['many', 'ADD X-Many a, ADD X-Many b', 'R D F M 1 b a one 2 two 3'],
  ['many', 'INS 200 X-Many a, INS 200 X-Many b', 'R D F M 1 one 2 two 3 a b'],
  ['four', 'ADD Date new', 'R new F M 1 2 3 4'],
  ['four', 'INS 200 Date new', 'R D F M 1 2 3 4 new'],
  ['four', 'CHG 1 Date new', 'R new F M 1 2 3 4'],
  ['four', 'CHG 2 Message-Id new', 'R D F new 1 2 3 4'],
  ['four', 'CHG 1 Date ', 'R F M 1 2 3 4'],
  ['mixed', 'ADD Date new', 'R new d 1 f s m'],
  ['mixed', 'ADD From new', 'R new d 1 f s m'],
  ['mixed', 'CHG 1 From new', 'R d 1 new s m'],
  ['mixed', 'CHG 1 Date ', 'R 1 f s m'],
  ['four', 'ADD Received new', 'new R D F M 1 2 3 4'],
  ['four', 'CHG 1 Received new', 'new R D F M 1 2 3 4'],
  ['four', 'CHG 1 Received ', 'R D F M 1 2 3 4'],
  ['four', 'ADD Return-Path r, INS 0 Resent-Date r, CHG 1 Full-Name r', 'R D F M 1 2 3 4'],
  ['many', 'CHG 3 X-Many new', 'R D F M 1 new one 2 two 3'],
  ['many', 'CHG 9 X-Many n9, CHG 10 X-Many n10', 'R D F M 1 n10 n9 one 2 two 3'],
  ['four', 'CHG 1 X-Many new', 'R D F M 1 2 3 4 new'],
  ['many', 'CHG 1 X-Many n1, CHG 2 X-Many n2', 'R D F M 1 n1 2 n2 3'],
  ['many', 'CHG 1 X-Many , CHG 2 X-Many ', 'R D F M 1 2 3'],
  ['many', 'CHG 1 X-Many , CHG 2 X-Many n2', 'R D F M 1 2 n2 3'],
  ['many', 'CHG 1 X-Many , CHG 1 X-Many again', 'R D F M 1 again 2 two 3'],
  ['many', 'CHG 1 X-Many , CHG 3 X-Many n3', 'R D F M 1 n3 2 two 3'],
  ['many', 'CHG 3 X-Many ', 'R D F M 1 one 2 two 3'],
  ['many', 'CHG 1 X-Many , ADD X-Many new', 'R D F M 1 new 2 two 3'],
  ['many', 'CHG 2 X-Many , ADD X-Many new', 'R D F M 1 new one 2 3'],
  ['many', 'CHG 2 X-Many , CHG 1 X-Many , ADD X-Many a, ADD X-Many b', 'R D F M 1 b a 2 3'],
  ['many', 'CHG 1 X-Many , CHG 2 X-Many , INS 200 X-Many new', 'R D F M 1 2 3 new'],
  ['many', 'INS 0 X-Many new, CHG 1 X-Many ', 'R D F M 1 one 2 two 3'],
  ['many', 'INS 200 X-Many new, CHG 1 X-Many ', 'R D F M 1 2 two 3 new'],
  ['many', 'ADD X-Many new, CHG 1 X-Many ', 'R D F M 1 one 2 two 3'],
  ['many', 'ADD X-New new, CHG 1 X-New changed', 'R D F M 1 one 2 two 3 changed'],
];

describe('the header that Sendmail makes', () => {
  it.each(SEEN)('of "%s" with %s is %s', (message, edits, expected) => {
    const list = listOf(message);
    edit(list, edits);
    expect(delivered(list)).toBe(expected);
  });

  it('has names as they were, however a milter spells them', () => {
    const list = listOf('many');
    edit(list, 'CHG 2 x-many n2');
    expect(list.toBytes().toString()).toContain('X-Many: n2\r\n');
  });

  it('is shown as the client sent it', () => {
    expect(listOf('mixed').shown()).toEqual(
      MESSAGES.mixed.map(split).map(({ name, raw }) => ({ name, raw: raw.subarray(1) })),
    );
    expect(listOf('four', true).shown()[0]).toEqual({ name: 'X-1', raw: Buffer.from(' 1') });
  });

  it('has what a milter writes after the colon, where that was agreed', () => {
    const list = listOf('none', true);
    for (const value of ['tight', '  two', '\ttab', ' end ', '', ' '])
      list.insert(200, 'X', Buffer.from(value));
    expect(list.toBytes().toString().split('\r\n').slice(4, -1)).toEqual(
      ['tight', '  two', '\ttab', ' end ', '', ' '].map((value) => `X:${value}`),
    );
  });
});
