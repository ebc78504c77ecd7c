import { SMFIP } from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { optnegAnswer, replyFrame } from '../../support/scripted-milter.js';
import { describeSendmail } from '../support/describe-sendmail.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const END = 0x7ffffffe;

function index(number: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes.toString('latin1');
}

const insert = (at: number, name: string, value: string): string =>
  replyFrame('i', `${index(at)}${name}\0${value}\0`);
const change = (at: number, name: string, value: string): string =>
  replyFrame('m', `${index(at)}${name}\0${value}\0`);
const add = (name: string, value: string): string => replyFrame('h', `${name}\0${value}\0`);

/** Headers by their short form: `Name=value` one after the other. */
function headers(short: string): string {
  return short
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => `${one.replace('=', ': ')}\r\n`)
    .join('');
}

const FOUR = 'A=1 B=2 C=3 D=4';
const MANY = 'A=1 X=one B=2 X=two C=3';
const MIXED = 'Date=d A=1 From=f@x Subject=s Message-Id=m';

/**
 * Sendmail's list of headers begins with eight that it may make up itself, its Received first, seen or unseen; then come
 * the client's. INSHEADER counts that list; a deleted header stays in it.
 */
const PLACES: readonly (readonly [string, string, readonly string[], string])[] = [
  ['0: the top', FOUR, [insert(0, 'In', 'x')], `In=x R ${FOUR}`],
  ['1: below the Received', FOUR, [insert(1, 'In', 'x')], `R In=x ${FOUR}`],
  ['8: above the first of the client', FOUR, [insert(8, 'In', 'x')], `R In=x ${FOUR}`],
  ['9: above the second', FOUR, [insert(9, 'In', 'x')], 'R A=1 In=x B=2 C=3 D=4'],
  ['10: above the third', FOUR, [insert(10, 'In', 'x')], 'R A=1 B=2 In=x C=3 D=4'],
  ['12: at the end', FOUR, [insert(12, 'In', 'x')], `R ${FOUR} In=x`],
  ['200: at the end', FOUR, [insert(200, 'In', 'x')], `R ${FOUR} In=x`],
  ['the greatest: at the end', FOUR, [insert(END, 'In', 'x')], `R ${FOUR} In=x`],
  ['9, client with Date, From, Message-Id', MIXED, [insert(9, 'In', 'x')], `R Date=d In=x ${MIXED.slice(7)}`],
  ['12, likewise', MIXED, [insert(12, 'In', 'x')], 'R Date=d A=1 From=f@x Subject=s In=x Message-Id=m'],
  ['9 and 10', FOUR, [insert(9, 'In', 'x'), insert(10, 'In', 'y')], 'R A=1 In=x In=y B=2 C=3 D=4'],
  ['10 and 9', FOUR, [insert(10, 'In', 'x'), insert(9, 'In', 'y')], 'R A=1 In=y B=2 In=x C=3 D=4'],
  ['9 twice', FOUR, [insert(9, 'In', 'x'), insert(9, 'In', 'y')], 'R A=1 In=y In=x B=2 C=3 D=4'],
  ['10, first deleted', FOUR, [change(1, 'A', ''), insert(10, 'In', 'x')], 'R B=2 In=x C=3 D=4'],
  ['10, one added above', FOUR, [add('A', 'n'), insert(10, 'In', 'x')], 'R A=n A=1 In=x B=2 C=3 D=4'],
];

const NAMES: readonly (readonly [string, string, readonly string[], string])[] = [
  ['two added: the second above the first', FOUR, [add('X', 'a'), add('X', 'b')], `R ${FOUR} X=b X=a`],
  ['one added: above the first of the name', MANY, [add('X', 'a')], 'R A=1 X=a X=one B=2 X=two C=3'],
  ['two inserted at the end', MANY, [insert(END, 'X', 'a'), insert(END, 'X', 'b')], `R ${MANY} X=a X=b`],
  ['changed beyond the last: added', MANY, [change(3, 'X', 'n')], 'R A=1 X=n X=one B=2 X=two C=3'],
  ['changed in lower case: keeps its name', MANY, [change(2, 'x', 'n')], 'R A=1 X=one B=2 X=n C=3'],
  ['changed by 0: the first', MANY, [change(0, 'X', 'n')], 'R A=1 X=n B=2 X=two C=3'],
  ['first and second deleted', MANY, [change(1, 'X', ''), change(2, 'X', '')], 'R A=1 B=2 C=3'],
  ['deleted, then changed', MANY, [change(1, 'X', ''), change(1, 'X', 'n')], 'R A=1 X=n B=2 X=two C=3'],
  ['deleted, then added', MANY, [change(2, 'X', ''), add('X', 'n')], 'R A=1 X=n X=one B=2 C=3'],
  [
    'inserted at the top, then the first deleted',
    MANY,
    [insert(0, 'X', 'n'), change(1, 'X', '')],
    `R ${MANY}`,
  ],
];

describeSendmail('what Sendmail makes of modified headers', (bench) => {
  /** The head of a message that a client has sent with these headers, after a filter has answered EOM with that. */
  async function delivered(head: string, frames: readonly string[], flags = 0): Promise<string> {
    await bench().scripted({ O: optnegAnswer(flags), E: [...frames, 'R03'] }, async (client) => {
      expect(await client.deliver({ data: `${head}\r\nThe body.\r\n` })).toMatch(/^250 /);
      await client.quit();
    });
    return maskReceived((await bench().sink.next()).data).replace(/\r\nThe body\.\r\n$/, '');
  }

  function expected(short: string): string {
    return headers(short).replace('R\r\n', RECEIVED);
  }

  describe('INSHEADER', () => {
    test.each(PLACES)('%s', async (_name, before, frames, after) => {
      expect(await delivered(headers(before), frames)).toBe(expected(after));
    });
  });

  describe('of one name', () => {
    test.each(NAMES)('%s', async (_name, before, frames, after) => {
      expect(await delivered(headers(before), frames)).toBe(expected(after));
    });
  });

  // The date that Sendmail itself would write is taken away by `maskReceived`.
  test.each([
    ['ADDHEADER takes the place of the one that Sendmail makes up', add('Date', 'ours'), 1],
    ['INSHEADER makes a second one', insert(END, 'Date', 'ours'), 2],
    ['CHGHEADER changes it', change(1, 'Date', 'ours'), 1],
    ['CHGHEADER without a value deletes it', change(1, 'Date', ''), 0],
  ])('a Date that the client has not sent: %s', async (_name, frame, count) => {
    await bench().scripted({ E: [frame, 'R03'] }, async (client) => {
      expect(await client.deliver({ data: headers(FOUR) })).toMatch(/^250 /);
      await client.quit();
    });

    expect((await bench().sink.next()).data.toString().match(/^Date: /gm) ?? []).toHaveLength(count);
  });

  test.each([
    ' one',
    'tight',
    '  two',
    '\ttab',
    ' blanks  ',
    ' tab\t',
    '',
    ' ',
    ' one\n\ttwo\n  three ',
    '\n four',
  ])('with HDR_LEADSPC the value %j is shown and written byte for byte', async (value) => {
    const line = value.replaceAll('\n', '\r\n');
    const all: string[] = [];
    const script = {
      O: optnegAnswer(SMFIP.HDR_LEADSPC),
      E: [insert(END, 'X-End', value), add('X-Add', value), 'R03'],
    };
    const { frames } = await bench().scripted(script, async (client) => {
      expect(await client.deliver({ data: `X-In:${line}\r\n\r\n` })).toMatch(/^250 /);
      await client.quit();
    });
    for (const frame of frames)
      if (frame.startsWith('4c', 8)) all.push(Buffer.from(frame, 'hex').toString('latin1', 5));

    expect(all).toEqual([`X-In\0${value}\0`]);
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}X-In:${line}\r\nX-End:${line}\r\nX-Add:${line}\r\n\r\n`,
    );
  });
});
