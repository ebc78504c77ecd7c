import { describe, expect, it } from 'vitest';

import { listen } from '../../src/index.js';
import { on } from '../../src/operators/on.js';
import type { Modification } from '../../src/session/modification.js';
import { addHeader } from '../../src/session/modifications/add-header.js';
import { changeHeader } from '../../src/session/modifications/change-header.js';
import { deleteHeader } from '../../src/session/modifications/delete-header.js';
import { insertHeader } from '../../src/session/modifications/insert-header.js';
import type { SessionOptions } from '../../src/session/options.js';
import { frame, optneg, said, type Bytes } from '../support/session-frames.js';
import { link } from '../support/session-link.js';

const POSTFIX = frame('D', 'Cv\0Postfix 3.7.11\0');
const SENDMAIL = frame('D', 'Cv\x008.17.1.9\0');
const UNKNOWN = frame('D', 'Cj\0mx.example.org\0');

/** What an MTA hears at the end of a message that is modified like this. */
function heard(mta: Buffer, modifications: readonly Modification[], options: SessionOptions = {}): string[] {
  const made = link(
    on('eom', () => modifications),
    options,
  );
  made.ask('C01', mta, 'C03');
  return made.ask('C26');
}

/** INSHEADER, as the protocol has it. */
function inserted(index: number, text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(index);
  return frame('i', Buffer.concat([head, Buffer.from(text, 'latin1')]));
}

const BOTTOM = 0x7ffffffe;

describe('a header that is added', () => {
  const two = [addHeader('X-A', '1'), addHeader('x-a', '2')];

  it.each<[string, Buffer, readonly Bytes[]]>([
    ['Postfix, which adds at the end', POSTFIX, [frame('h', 'X-A\x001\0'), frame('h', 'x-a\x002\0')]],
    [
      'Sendmail, which would add before the first of its name, and takes what is inserted at the end',
      SENDMAIL,
      [inserted(BOTTOM, 'X-A\x001\0'), inserted(BOTTOM, 'x-a\x002\0')],
    ],
    [
      'an unknown MTA, where the first may go before others, and the second comes after it',
      UNKNOWN,
      [frame('h', 'X-A\x001\0'), inserted(BOTTOM, 'x-a\x002\0')],
    ],
  ])('keeps its place behind another of its name on %s', (_mta, mta, frames) => {
    expect(heard(mta, two)).toEqual(said(...frames, 'R03'));
  });

  it('comes behind one of its name that is inserted at the bottom, also on an unknown MTA', () => {
    expect(heard(UNKNOWN, [insertHeader('bottom', 'X-A', '1'), addHeader('X-A', '2')])).toEqual(
      said(inserted(BOTTOM, 'X-A\x001\0'), inserted(BOTTOM, 'X-A\x002\0'), 'R03'),
    );
  });

  it.each(['Date', 'message-id', 'From'])('takes the place of the %s that Sendmail would make', (name) => {
    expect(heard(SENDMAIL, [addHeader(name, '1')])).toEqual(said(frame('h', `${name}\x001\0`), 'R03'));
  });

  it('is added, and not inserted, on an MTA from before there were insertions', () => {
    const made = link(on('eom', () => two));
    made.ask(optneg(2, 0x1f, 0), UNKNOWN, 'C03');
    expect(made.ask('C26')).toEqual(said(frame('h', 'X-A\x001\0'), frame('h', 'x-a\x002\0'), 'R03'));
  });
});

describe('a header that is inserted before the n-th', () => {
  it.each<[string, Buffer, number, number]>([
    // Sendmail 8.17 with its standard configuration has eight headers of its own before those of the message.
    ['Sendmail', SENDMAIL, 1, 1],
    ['Sendmail', SENDMAIL, 2, 9],
    ['Sendmail', SENDMAIL, 5, 12],
    ['Postfix', POSTFIX, 1, 1],
    ['Postfix', POSTFIX, 2, 2],
    ['Postfix', POSTFIX, 5, 5],
    ['an unknown MTA', UNKNOWN, 5, 5],
  ])('on %s goes to %i by the number %i', (_name, mta, position, index) => {
    expect(heard(mta, [insertHeader(position, 'X', '1')])).toEqual(said(inserted(index, 'X\x001\0'), 'R03'));
  });

  it('counts the headers that Sendmail is configured with', () => {
    expect(heard(SENDMAIL, [insertHeader(3, 'X', '1')], { sendmailHeaders: 10 })).toEqual(
      said(inserted(12, 'X\x001\0'), 'R03'),
    );
  });

  it('goes from the bottom up on Sendmail, too', () => {
    expect(heard(SENDMAIL, [insertHeader(2, 'A', '1'), insertHeader(3, 'B', '1')])).toEqual(
      said(inserted(10, 'B\x001\0'), inserted(9, 'A\x001\0'), 'R03'),
    );
  });

  it.each([0, 1.5, 1001])('needs a number of headers that is one, not %d', (sendmailHeaders) => {
    expect(() => listen('inet:0@127.0.0.1', { sendmailHeaders })).toThrow(
      new RangeError(
        `listen(): sendmailHeaders is ${sendmailHeaders}; it has to be a whole number from 1 to 1000.`,
      ),
    );
  });
});

describe('the top, the bottom, changes and deletions', () => {
  it.each([
    ['Sendmail', SENDMAIL],
    ['Postfix', POSTFIX],
    ['an unknown MTA', UNKNOWN],
  ])('are the same on %s', (_name, mta) => {
    const changes = [
      insertHeader('top', 'A', '1'),
      insertHeader('bottom', 'B', '2'),
      changeHeader('C', '3'),
      deleteHeader('D', 2),
    ];
    expect(heard(mta, changes)).toEqual(
      said(
        frame('m', '\0\0\0\x01C\x003\0'),
        frame('m', '\0\0\0\x02D\0\0'),
        inserted(0, 'A\x001\0'),
        inserted(BOTTOM, 'B\x002\0'),
        'R03',
      ),
    );
  });
});
