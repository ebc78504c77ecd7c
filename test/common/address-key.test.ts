import fc from 'fast-check';
import { addressKey, parseAddress } from 'rxmilter';
import { describe, expect, it } from 'vitest';

/** Pieces that mean something in an address, and some that do not. */
const PIECES = [
  ...Array.from('"\\()<>@,;:.[]!% \t'),
  'a',
  'B',
  'é',
  'E\u0301',
  'ß',
  'İ',
  '。',
  '，',
  '\u037e',
  '\u212a',
  '１',
  '\0',
  '\u00a0',
  'x.example',
  'xn--bcher-kva',
  '[192.0.2.1]',
];

describe('addressKey()', { timeout: 60_000 }, () => {
  // Each is what Postfix 3.7 and Sendmail 8.17, or one of them, deliver to bob@dst.example: see test/mta/both.
  it.each([
    'bob@dst.example',
    'Bob@DST.Example',
    '<bob@dst.example>',
    '<<bob@dst.example>>',
    'Bob Smith <bob@dst.example>',
    '<bob@dst.example>x',
    'bob@dst.example.',
    'bob@dst.example..',
    '"bob"@dst.example',
    '"b\\ob"@dst.example',
    'b\\ob@dst.example',
    'b"o"b@dst.example',
    'bob""@dst.example',
    'bob@"dst.example"',
    '@relay.example:bob@dst.example',
    '@a.example,@b.example:bob@dst.example',
    '@[127.0.0.1]:bob@dst.example',
    '@[IPv6:2001:db8::1]:bob@dst.example',
    '@relay.example:@x.example:"bob"@dst.example.',
    'bob%dst.example',
    'dst.example!bob',
    '"bob@dst.example"',
    '"@x.example:bob@dst.example"',
    'bob\\@dst.example',
    'bob(a (comment) within)@dst.example',
    '(\\)) bob @ dst . example (not closed',
    'bob@dst.example,',
    'bob@dst.example;',
    'x:bob@dst.example;',
  ])('is bob@dst.example for %j', (spelling) => {
    expect(addressKey(spelling)).toBe('bob@dst.example');
  });

  it.each([
    ['', ''],
    ['<>', ''],
    ['Postmaster', 'postmaster'],
    ['"A B"@x.example', '"a b"@x.example'],
    ['a b@x.example', 'a.b@x.example'],
    ['"a\\"b"@x.example', '"a\\"b"@x.example'],
    ['.bob@x.example', '".bob"@x.example'],
    ['bob..x@x.example', '"bob..x"@x.example'],
    ['"bob@x.example"@y.example', '"bob@x.example"@y.example'],
    ['"\\"bob\\"@x.example"', '"\\"bob\\""@x.example'],
    ['bob(c)x@x.example', 'bob.x@x.example'],
    ['bob@x.example@y.example', '"bob@x.example"@y.example'],
    ['smtp:bob@x.example', '"smtp:bob"@x.example'],
    ['bob%x.example@y.example', 'bob%x.example@y.example'],
    ['bob%x.example%y.example', 'bob%x.example@y.example'],
    ['x.example!bob@y.example', 'x.example!bob@y.example'],
    ['bob+lists@x.example', 'bob+lists@x.example'],
    ['@x.example', '""@x.example'],
    ['bob@', 'bob@'],
    ['50%', '50%'],
    ['!', '!'],
    ['bob@[IPv6:2001:DB8::1]', 'bob@[ipv6:2001:db8::1]'],
    ['Jürgen@BÜCHER.example', 'jürgen@xn--bcher-kva.example'],
    ['bob@bücher。example。', 'bob@xn--bcher-kva.example'],
    ['bob@ｄｓｔ.example', 'bob@dst.example'],
    ['\u212aate@x.example', 'kate@x.example'],
  ])('is for %j %j', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it.each(['a,b@x.example', '"bob@x.example', 'bob@[192.0.2.1', 'bob@x,y', 'a@b c"d"@e;f'])(
    'is for %j, which is no address, the text itself',
    (text) => {
      expect(addressKey(text)).toBe(text);
    },
  );

  it('is an address itself, of which it is the key', () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (given) => {
        const key = addressKey(given);
        expect(addressKey(key)).toBe(key);
      }),
      { numRuns: 20_000 },
    );
  });

  it('unites no two mailboxes: the content of the local part and the domain are found in it again', () => {
    const content = fc.array(fc.constantFrom(...PIECES.slice(0, 20), 'b'), { minLength: 1, maxLength: 6 });
    const domain = fc.stringMatching(/^[a-z0-9]{1,4}(\.[a-z]{1,3}){0,2}$/);
    fc.assert(
      fc.property(content, domain, (pieces, right) => {
        const local = pieces.join('').toLowerCase().normalize('NFC');
        const quoted = `"${local.replace(/["\\]/g, '\\$&')}"`;
        const parts = parseAddress(addressKey(`${quoted}@${right}`));
        const bare = /^"(.*)"$/s.exec(parts.local)?.[1]?.replace(/\\(.)/gs, '$1') ?? parts.local;
        expect([bare, parts.domain]).toEqual([local, right]);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    'a',
    '"',
    '@',
    '\\',
    '.',
    'é',
    '@[',
    '"\\a',
    'ü.',
    '(',
    '<',
    '@:',
    ':',
    'a ',
    '%',
    '!',
    '"@"',
    ' ',
  ])('is there at once for 8 192 and for a million characters of %j', (piece) => {
    for (const length of [8_192, 1 << 20]) {
      const text = piece.repeat(length / piece.length);
      for (const one of [text, `"${text}"`, `${text}@x`, `a@${text}`]) {
        expect(addressKey(one)).toBeTypeOf('string');
      }
    }
  });
});
