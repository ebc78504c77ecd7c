import {
  addHeader,
  AnswerError,
  changeHeader,
  edit,
  headerText,
  insertHeader,
  on,
  onMessage,
  reject,
  tempfail,
} from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { opened } from '../support/session-link.js';

const VALUES = {
  'a bare CR': 'one\rtwo',
  'a bare CR at its end': 'one\r',
  NUL: 'one\0two',
  'a line feed': 'one\nBcc: two',
  'a line of blanks': 'one\n \n two',
  'a line of blanks with CRLF': 'one\r\n\t\r\n two',
  'a line of blanks at its end': 'one\n \t',
  'lines of blanks alone': '\n \n ',
};

describe('a header value', () => {
  it.each(Object.entries(VALUES))('with %s is mended, and the error says what to do', (_what, value) => {
    for (const text of [value, Buffer.from(value)]) {
      for (const make of [
        () => addHeader('X-Test', text),
        () => insertHeader('top', 'X-Test', text),
        () => changeHeader('X-Test', text),
      ]) {
        const mta = opened(on('eom', make));
        expect(Buffer.from(mta.ask('C26')[0] ?? '', 'hex').toString('latin1', 5)).not.toMatch(
          /\r|\n(?![ \t])|\n[ \t]+(?=\n|$)/,
        );
        expect(mta.errors).toEqual([expect.any(AnswerError)]);
        expect(mta.errors[0]?.message).toMatch(/X-Test.*at character \d+.*headerText\(\)/);
      }
    }
  });

  it.each(['', ' ', 'one', 'one\n two', 'one\r\n\ttwo', '\n one', 'one\n  two \n three', 'tab\there'])(
    'may be %j',
    (value) => {
      expect(addHeader('X-Test', value).value).toBe(value.replaceAll('\r\n', '\n'));
    },
  );
});

describe('headerText()', () => {
  it.each([
    ['one', 'one'],
    ['', ''],
    ['  one  two ', 'one  two'],
    ['one\rtwo', 'one two'],
    ['one\r\n two', 'one two'],
    ['one\n\ttwo', 'one two'],
    ['one\n \n two', 'one  two'],
    ['one\r\nBcc: two', 'one Bcc: two'],
    ['\0one\x1b[31m\u0085two\u2028\x7f', 'one [31m two'],
    ['Grüße\u00a0\ud83d\ude00', 'Grüße\u00a0\ud83d\ude00'],
  ])('makes one line of %j', (text, line) => {
    expect(headerText(text)).toBe(line);
  });

  it.each([
    ['äöü', 6, 'äöü'],
    ['äöü', 5, 'äö'],
    ['a\ud83d\ude00b', 4, 'a'],
    ['one two', 4, 'one'],
    ['one', 0, ''],
  ])('cuts %j at %i bytes, and no character in two', (text, most, line) => {
    expect(headerText(text, most)).toBe(line);
  });

  it('gives what may stand in every header and every reply', () => {
    const all = Array.from({ length: 0x300 }, (_, code) => String.fromCharCode(code)).join('x');
    for (const value of [...Object.values(VALUES), all, all.repeat(9)]) {
      expect(() => addHeader('X-Test', headerText(value))).not.toThrow();
      expect(() => reject(headerText(value, 900))).not.toThrow();
      expect(() => tempfail({ text: headerText(value, 900) })).not.toThrow();
    }
  });

  it.each([undefined, null, 7, {}])('takes no %j', (text) => {
    expect(() => headerText(text as never)).toThrow(/headerText/);
  });

  it('lets a message pass that would be deferred for ever with its own subject', async () => {
    const mail = {
      sender: 'a@b.test',
      recipients: ['c@d.test'],
      headers: [['Subject', 'one\rtwo']],
      body: '',
    } as const;
    const tagged = onMessage((message) =>
      edit(message, ({ headers }) => {
        headers.set('Subject', `[external] ${headerText(headers.get('Subject') ?? '')}`);
      }),
    );
    const delivery = await deliver(mail, { to: tagged });
    expect(delivery.headers.map(({ value }) => value)).toContain('[external] one two');
    const refusing = on('header', ({ value }) => reject(`Not with ${headerText(value, 200)}`));
    expect((await deliver(mail, { to: refusing })).outcome).toBe('refused');
  });
});
