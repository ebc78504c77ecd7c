import fc from 'fast-check';
import { parseAddress, sameAddress } from 'rxmilter';
import { describe, expect, it } from 'vitest';

describe('parseAddress()', () => {
  it.each([
    ['bob@example.org', 'bob', 'example.org'],
    ['<bob@example.org>', 'bob', 'example.org'],
    ['Bob@EXAMPLE.Org.', 'Bob', 'example.org'],
    ['', '', ''],
    ['<>', '', ''],
    ['postmaster', 'postmaster', ''],
    ['bob@', 'bob', ''],
    ['@example.org', '', 'example.org'],
    ['a@b@c.example', 'a@b', 'c.example'],
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
    expect(parseAddress(address)).toEqual({ address: bare, local, domain });
  });

  it.each([
    ['a@example.org/evil', 'example.org/evil'],
    ['a@bücher.example/evil', 'bücher.example/evil'],
    ['a@bücher.example:25', 'bücher.example:25'],
    ['a@bücher.example?x', 'bücher.example?x'],
    ['a@b%c3%bccher.example', 'b%c3%bccher.example'],
    ['a@0x7f.1', '0x7f.1'],
    ['a@１２７.1', '１２７.1'],
    ['a@bü cher.example', 'bü cher.example'],
  ])('does not take %j for another domain, as the parser of URLs would', (address, domain) => {
    expect(parseAddress(address).domain).toBe(domain);
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
        const { address, local } = parseAddress(a);
        expect(address.startsWith(local)).toBe(true);
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
