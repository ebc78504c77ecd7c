import {
  listen,
  compose,
  observe,
  on,
  type Modification,
  addHeader,
  changeHeader,
  changeSender,
  deleteHeader,
  insertHeader,
  type SessionOptions,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { type Bytes, frame, optneg, said } from '../support/session-frames.js';
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

describe('a header that is changed and is not there', () => {
  /** What is told at the end of a message whose only headers are two of the name X. */
  function toldOf(mta: Buffer, modifications: readonly Modification[]): string[] {
    const made = link(
      compose(
        observe('header', () => undefined),
        on('eom', () => modifications),
      ),
    );
    made.ask('C01', mta, 'C03', frame('L', 'X\x001\0'));
    made.ask(frame('L', 'x\x002\0'));
    return made.ask('C26');
  }
  const added = (mta: Buffer, text: string): Buffer =>
    mta === SENDMAIL ? inserted(BOTTOM, text) : frame('h', text);

  describe.each([
    ['Sendmail', SENDMAIL],
    ['Postfix', POSTFIX],
    ['an unknown MTA', UNKNOWN],
  ])('on %s', (_name, mta) => {
    it.each<[string, Modification[], string[]]>([
      [
        'is added in its turn',
        [addHeader('A', 'a'), changeHeader('New', 'n'), addHeader('B', 'b')],
        ['A\0a\0', 'New\0n\0', 'B\0b\0'],
      ],
      [
        'is added in its turn where others of its name are there',
        [addHeader('A', 'a'), changeHeader('X', '3', 3), addHeader('B', 'b')],
        ['A\0a\0', 'X\x003\0', 'B\0b\0'],
      ],
      [
        'has the value that it is given last',
        [changeHeader('New', 'n'), addHeader('A', 'a'), changeHeader('new', 'm')],
        ['new\0m\0', 'A\0a\0'],
      ],
      ['is not added where it is deleted after that', [changeHeader('New', 'n'), deleteHeader('new')], []],
    ])('%s', (_what, modifications, texts) => {
      expect(toldOf(mta, modifications)).toEqual(said(...texts.map((text) => added(mta, text)), 'R03'));
    });

    it('is added after a header that is there has changed', () => {
      expect(toldOf(mta, [changeHeader('New', 'n'), changeHeader('X', '22', 2)])).toEqual(
        said(frame('m', '\0\0\0\x02X\x0022\0'), added(mta, 'New\0n\0'), 'R03'),
      );
    });

    it('is changed by its number where no header was shown', () => {
      const told = heard(mta, [addHeader('A', 'a'), changeHeader('New', 'n')]);
      expect(told).toEqual(said(frame('m', '\0\0\0\x01New\0n\0'), added(mta, 'A\0a\0'), 'R03'));
    });
  });

  it('is one of the next message no more', () => {
    const made = link(
      compose(
        observe('header', () => undefined),
        on('eom', () => changeHeader('X', '2')),
      ),
    );
    made.ask('C01', POSTFIX, 'C03', frame('L', 'X\x001\0'));
    expect(made.ask('C26')).toEqual(said(frame('m', '\0\0\0\x01X\x002\0'), 'R03'));
    made.ask('C12', 'C16', frame('L', 'Y\x001\0'));
    expect(made.ask('C26')).toEqual(said(frame('h', 'X\x002\0'), 'R03'));
  });
});

describe('a sender that is changed without arguments', () => {
  it.each<[string, Buffer, Bytes]>([
    ['has an empty string of them on Postfix, which takes it for none', POSTFIX, frame('e', '<a@b>\0\0')],
    ['has none on Sendmail, which would forget those that the client gave', SENDMAIL, frame('e', '<a@b>\0')],
    ['has an empty string of them on an MTA that may always read two', UNKNOWN, frame('e', '<a@b>\0\0')],
  ])('%s', (_what, mta, bytes) => {
    expect(heard(mta, [changeSender('a@b')])).toEqual(said(bytes, 'R03'));
  });

  it.each<[string, Buffer]>([
    ['Postfix', POSTFIX],
    ['Sendmail', SENDMAIL],
    ['an unknown MTA', UNKNOWN],
  ])('has them in one string where there are some, on %s', (_what, mta) => {
    expect(heard(mta, [changeSender('a@b', ['RET=HDRS', 'ENVID=x'])])).toEqual(
      said(frame('e', '<a@b>\0RET=HDRS ENVID=x\0'), 'R03'),
    );
  });
});
