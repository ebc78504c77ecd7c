import fc from 'fast-check';
import { parseAddress, sameAddress } from 'rxmilter';
import { describe, expect, it } from 'vitest';

/**
 * Addresses by the grammar of RFC 5321 (4.1.2), RFC 5322 (3.2.2, for comments and blanks) and RFC 6531 (3.3), made of what
 * they mean: the content of the local part, and the labels of the domain.
 */
const ATOM = "abzAZ059!#$%&'*+-/=?^_`{|}~éÜж例";
const QUOTED_ONLY = ' ()<>@,;:[]"\\';
/** A label as it is looked up in the DNS, and in Unicode. */
const LABELS = [
  ['example', 'example'],
  ['a-1', 'a-1'],
  ['xn--bcher-kva', 'bücher'],
  ['xn--e1afmkfd', 'пример'],
  ['xn--r8jz45g', '例え'],
] as const;

const atom = fc.string({ unit: fc.constantFrom(...Array.from(ATOM)), minLength: 1, maxLength: 5 });
const dotString = fc.array(atom, { minLength: 1, maxLength: 3 });
const content = fc.string({ unit: fc.constantFrom(...Array.from(`${ATOM}${QUOTED_ONLY}.`)), maxLength: 8 });
const comment: fc.Arbitrary<string> = fc.letrec<{ comment: string }>((tie) => ({
  comment: fc
    .array(fc.oneof(fc.constantFrom('x', '@', '"', ',', '\\)', '\\\\'), tie('comment')), { maxLength: 3 })
    .map((parts) => `(${parts.join('')})`),
})).comment;
/** Nothing, most of the time. */
const between = fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(' ', '\t'), comment);

interface Spelled {
  readonly text: string;
  readonly content: string;
}

const local: fc.Arbitrary<Spelled> = fc.oneof(
  fc.tuple(dotString, fc.infiniteStream(between)).map(([atoms, gaps]) => ({
    content: atoms.join('.'),
    text: atoms.map((one) => `${next(gaps)}${one}${next(gaps)}`).join('.'),
  })),
  // Any character may have a backslash before it; these two need one.
  fc.tuple(content, fc.infiniteStream(fc.boolean())).map(([all, escape]) => ({
    content: all,
    text: `"${Array.from(all, (one) => (next(escape) || '"\\'.includes(one) ? `\\${one}` : one)).join('')}"`,
  })),
);

const domain: fc.Arbitrary<Spelled> = fc.oneof(
  fc
    .tuple(
      fc.array(fc.constantFrom(...LABELS), { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.nat(3)),
      fc.infiniteStream(between),
      fc.constantFrom('', '.'),
    )
    .map(([labels, ways, gaps, dot]) => ({
      content: labels.map(([ascii]) => ascii).join('.'),
      text:
        labels
          .map(([ascii, unicode]) => {
            const way = next(ways);
            const label = way % 2 === 0 ? ascii : unicode;
            return `${next(gaps)}${way > 1 ? label.toUpperCase() : label}${next(gaps)}`;
          })
          .join('.') + dot,
    })),
  fc.constantFrom('[192.0.2.1]', '[IPv6:2001:DB8::A]').map((text) => ({ text, content: text.toLowerCase() })),
);

const route = fc.constantFrom('', '@relay.example:', '@a.example,@b.example:', '@[192.0.2.9]:');

function next<T>(values: Iterator<T, T>): T {
  return values.next().value;
}

/** A local part as RFC 5321 has it written: a dot-string where it can be one, else in quotes. */
function inQuotes(text: string): string {
  const isDotString = text
    .split('.')
    .every((part) => part !== '' && Array.from(part).every((one) => !QUOTED_ONLY.includes(one)));
  return isDotString
    ? text
    : `"${Array.from(text, (one) => ('"\\'.includes(one) ? `\\${one}` : one)).join('')}"`;
}

describe('parseAddress(), by the grammar', { timeout: 60_000 }, () => {
  it('reads the local part and the domain that were written', () => {
    fc.assert(
      fc.property(route, local, domain, fc.boolean(), (by, left, right, brackets) => {
        const path = `${by}${left.text}@${right.text}`;
        expect(parseAddress(brackets ? `<${path}>` : path)).toEqual({
          address: path,
          local: inQuotes(left.content),
          domain: right.content,
          mailbox: `${inQuotes(left.content.toLowerCase())}@${right.content}`,
        });
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('parseAddress()', () => {
  it.each([
    ['bob@example.org', 'bob', 'example.org'],
    ['<bob@example.org>', 'bob', 'example.org'],
    ['Bob@EXAMPLE.Org.', 'Bob', 'example.org'],
    ['', '', ''],
    ['<>', '', ''],
    ['postmaster', 'postmaster', ''],
    ['bob@', 'bob', ''],
    ['@example.org', '""', 'example.org'],
    ['%example.org', '%example.org', ''],
    ['bob@bücher.example..', 'bob', 'xn--bcher-kva.example'],
    ['a,b@example.org..', 'a,b', 'example.org'],
    ['a@b@c.example', '"a@b"', 'c.example'],
    ['"Bob"@example.org', 'Bob', 'example.org'],
    ['@relay.example:Bob@example.org', 'Bob', 'example.org'],
    ['Bob%example.org', 'Bob', 'example.org'],
    ['Bob(c) @ example.org..', 'Bob', 'example.org'],
    ['a,b@EXAMPLE.org.', 'a,b', 'example.org'],
    ['"a@b"@c.example', '"a@b"', 'c.example'],
    ['"a\\"@b"@c.example', '"a\\"@b"', 'c.example'],
    ['"a@b', '"a', 'b'],
    ['bob@[192.0.2.1]', 'bob', '[192.0.2.1]'],
    ['bob@[IPv6:2001:DB8::1]', 'bob', '[ipv6:2001:db8::1]'],
    ['bob@[x@y]', 'bob', '[x@y]'],
    ['jürgen@bücher.example', 'jürgen', 'xn--bcher-kva.example'],
    ['a@例え。テスト', 'a', 'xn--r8jz45g.xn--zckzah'],
    ['bob+tag@example.org', 'bob+tag', 'example.org'],
  ])('divides %j into %j and %j', (address, local, domain) => {
    const bare = address.startsWith('<') ? address.slice(1, -1) : address;
    expect(parseAddress(address)).toMatchObject({ address: bare, local, domain });
  });

  it.each([
    ['a@example.org/evil', 'example.org/evil'],
    ['a@bücher.example/evil', 'bücher.example/evil'],
    ['a@bücher.example:25', 'bücher.example:25'],
    ['a@bücher.example?x', 'bücher.example?x'],
    ['a@b%c3%bccher.example', 'b%c3%bccher.example'],
    ['a@0x7f.1', '0x7f.1'],
    ['a@１２７.1', '１２７.1'],
  ])('does not take %j for another domain, as the parser of URLs would', (address, domain) => {
    expect(parseAddress(address).domain).toBe(domain);
  });
});

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

describe('the mailbox of parseAddress()', { timeout: 60_000 }, () => {
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
    expect(parseAddress(spelling).mailbox).toBe('bob@dst.example');
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
    ['J\u030c@x.example', '\u01f0@x.example'],
    [`"${'a'.repeat(8_192)}"@x.example`, `"${'a'.repeat(8_192)}"@x.example`],
  ])('is for %j %j', (address, mailbox) => {
    expect(parseAddress(address).mailbox).toBe(mailbox);
  });

  it.each(['a,b@x.example', '"bob@x.example', 'bob@[192.0.2.1', 'bob@x,y', 'a@b c"d"@e;f'])(
    'is for %j, which is no address, the text itself',
    (text) => {
      expect(parseAddress(text).mailbox).toBe(text);
    },
  );

  it('is an address itself, of the same domain, whose mailbox it is', () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((pieces) => pieces.join(''));
    const path = text.map((inner) => `<${inner}>`);
    fc.assert(
      fc.property(fc.oneof(text, path, fc.string({ unit: 'binary' })), (given) => {
        const { domain, mailbox } = parseAddress(given);
        expect(parseAddress(mailbox)).toMatchObject({ domain, mailbox });
      }),
      { numRuns: 20_000, examples: [['<@\\>'], ['<a@b\\>']] },
    );
  });

  it('is the same for addresses that are the same but for the case', () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 10 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (given) => {
        const { mailbox } = parseAddress(given.toLowerCase());
        expect(parseAddress(given).mailbox).toBe(mailbox);
        const upper = given.toUpperCase();
        if (upper.toLowerCase() === given.toLowerCase()) expect(parseAddress(upper).mailbox).toBe(mailbox);
      }),
      { numRuns: 5_000 },
    );
  });

  it('unites no two mailboxes: the content of the local part and the domain are found in it again', () => {
    const content = fc.array(fc.constantFrom(...PIECES.slice(0, 20), 'b'), { minLength: 1, maxLength: 6 });
    const domain = fc.stringMatching(/^[a-z0-9]{1,4}(\.[a-z]{1,3}){0,2}$/);
    fc.assert(
      fc.property(content, domain, (pieces, right) => {
        const local = pieces.join('').toLowerCase().normalize('NFC');
        const quoted = `"${local.replace(/["\\]/g, '\\$&')}"`;
        const parts = parseAddress(parseAddress(`${quoted}@${right}`).mailbox);
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
    '\u0316\u0301',
  ])('is there at once for 8 192 and for a million characters of %j', (piece) => {
    for (const length of [8_192, 1 << 20]) {
      const text = piece.repeat(length / piece.length);
      for (const one of [text, `"${text}"`, `${text}@x`, `a@${text}`]) {
        expect(parseAddress(one).mailbox).toBeTypeOf('string');
      }
    }
  });
});

describe('sameAddress()', { timeout: 30_000 }, () => {
  it.each([
    ['bob@example.org', 'bob@example.org'],
    ['Bob@example.org', 'bob@EXAMPLE.ORG'],
    ['bob@example.org', '<bob@example.org>'],
    ['bob@example.org', 'bob@example.org.'],
    ['bob@bücher.example', 'bob@xn--bcher-kva.example'],
    ['bob@BÜCHER.example', 'bob@XN--BCHER-KVA.example'],
    ['bob@bu\u0308cher.example', 'bob@b\u00fccher.example'],
    ['ju\u0308rgen@x.example', 'J\u00dcRGEN@x.example'],
    ['"a.b"@x.example', 'a.b@x.example'],
    ['"a\\.b"@x.example', 'A.B@x.example'],
    ['"a b"@x.example', '"A\\ b"@x.example'],
    ['bob@[IPv6:2001:db8::A]', 'bob@[ipv6:2001:DB8::a]'],
    ['postmaster', 'Postmaster'],
    ['', '<>'],
  ])('is true of %j and %j', (a, b) => {
    expect(sameAddress(a, b)).toBe(true);
    expect(sameAddress(b, a)).toBe(true);
  });

  it.each([
    ['bob@example.org', 'bob@example.com'],
    ['bob@example.org', 'bob+lists@example.org'],
    ['bob@example.org', 'bob'],
    ['bob@', 'bob'],
    ['', 'bob@example.org'],
    ['', '@'],
    ['', '""'],
    ['"a b"@x.example', 'a b@x.example'],
    ['"a.b"@x.example', '"a..b"@x.example'],
    ['"a@x.example"@y.example', 'a@x.example'],
    ['bob@[192.0.2.1]', 'bob@192.0.2.1'],
    ['bob@straße.example', 'bob@strasse.example'],
    ['bob@example.org', 'bob@example.org/'],
    ['bob@example.org', 'bob@example.org:25'],
    ['bob@127.0.0.1', 'bob@0x7f.1'],
    ['bob@xn--bcher-kva.example', 'bob@bücher.example/x'],
  ])('is false of %j and %j', (a, b) => {
    expect(sameAddress(a, b)).toBe(false);
    expect(sameAddress(b, a)).toBe(false);
  });

  it('is true of any two spellings of an address', () => {
    const local = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,8}(\.[a-z0-9-]{1,8})?$/);
    const domain = fc.oneof(fc.domain(), fc.constantFrom('bücher.example', 'пример.example', '例え.example'));
    fc.assert(
      fc.property(local, domain, (left, right) => {
        const address = `${left}@${right}`;
        for (const other of [
          address.toUpperCase(),
          `<${address}>`,
          `${address}.`,
          `"${left}"@${right}`,
          `${left}@${parseAddress(address).domain}`,
          address.normalize('NFD'),
        ]) {
          expect(sameAddress(address, other)).toBe(true);
        }
        expect(sameAddress(address, `x${address}`)).toBe(false);
        expect(sameAddress(address, `${address}x`)).toBe(false);
      }),
    );
  });

  it('answers for any text, and the same in both directions', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[ab"\\@<>.[\] é]{0,12}$/));
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(sameAddress(a, a)).toBe(true);
        expect(sameAddress(a, b)).toBe(sameAddress(b, a));
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['a', '"', '@', '\\', '.', 'é', '@[', '"\\a', 'ü.'])(
    'answers at once for a megabyte of %j',
    (piece) => {
      const text = piece.repeat((1 << 20) / piece.length);
      expect(sameAddress(text, `${text}x`)).toBe(false);
      expect(sameAddress(`"${text}"@x`, `x@${text}`)).toBe(false);
    },
  );
});
