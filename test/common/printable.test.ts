import { describe, expect, it } from 'vitest';

import { dotted, excerpt, printable, printableJson, quote } from '../../src/common/printable.js';

/** What a terminal, or a reader of lines, would take for more than text. */
const HOSTILE = ['\u001b[2J', '\u009b31m', '\u007f', '\r\n', '\0', '\u0007', '\u0085', '\u2028', '\u2029'];
const BIDI = Array.from('\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069');
const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

describe('text for a line', () => {
  it.each([...HOSTILE, ...BIDI])('shows %j as an escape', (text) => {
    for (const shown of [printable(text), excerpt(text), quote(text)]) {
      expect(shown).not.toMatch(OBEYED);
      expect(shown).toContain('\\');
    }
  });

  it('is the text itself where there is nothing to escape', () => {
    expect(printable('Grüße, 你好 👋 \\x1b')).toBe('Grüße, 你好 👋 \\x1b');
  });

  it('is cut before it is looked through', () => {
    expect(excerpt('x'.repeat(300), 10)).toBe(`${'x'.repeat(10)}…`);
    expect(quote('x'.repeat(300), 10)).toBe(`"${'x'.repeat(10)}…"`);
    expect(quote({ a: 'x'.repeat(300) }, 10)).toBe('{"a":"xxxx…');
  });

  it('quotes whatever it is given', () => {
    const within: { self?: object } = {};
    within.self = within;
    const values = [
      undefined,
      null,
      1n,
      Symbol('s'),
      within,
      () => 1,
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ];
    for (const value of values) expect(typeof quote(value)).toBe('string');
  });
});

describe('a text of several lines', () => {
  it('keeps line feeds and tabs, and has a dot for each other control character', () => {
    expect(dotted('a\tb\n\u001b\u009b\u202e\u007f\r')).toBe('a\tb\n·····');
  });
});

describe('JSON for a terminal', () => {
  it.each([...HOSTILE, ...BIDI])('escapes %j, and says the same', (text) => {
    const value = { [text]: [text] };
    for (const json of [printableJson(value), printableJson(value, 2)]) {
      expect(JSON.parse(json)).toEqual(value);
      expect(json.replaceAll('\n', '')).not.toMatch(OBEYED);
    }
  });
});
