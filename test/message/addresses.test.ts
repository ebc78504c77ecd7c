import fc from 'fast-check';
import type { HeaderAddress } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { headersOf } from './support/headers-of.js';

/** The addresses in a `To`. */
function addressesIn(value: string): HeaderAddress[] {
  return headersOf(['To', value]).addresses('to');
}

/** The same, each as name, address and group. */
function short(value: string): string[] {
  return addressesIn(value).map(
    ({ name, address, group }) => `${name}<${address}>${group === undefined ? '' : ` in ${group}`}`,
  );
}

describe('The addresses in a header', { timeout: 30_000 }, () => {
  it('have a name, an address and its parts', () => {
    expect(addressesIn('John Doe <jdoe@Machine.EXAMPLE>')).toEqual([
      {
        name: 'John Doe',
        address: 'jdoe@Machine.EXAMPLE',
        local: 'jdoe',
        domain: 'machine.example',
        mailbox: 'jdoe@machine.example',
      },
    ]);
    expect(addressesIn('A Group:Ed Jones <joe@where.test>;')).toEqual([
      {
        name: 'Ed Jones',
        address: 'joe@where.test',
        local: 'joe',
        domain: 'where.test',
        mailbox: 'joe@where.test',
        group: 'A Group',
      },
    ]);
  });

  it.each([
    ['"Joe Q. Public" <john.q.public@example.com>', ['Joe Q. Public<john.q.public@example.com>']],
    [
      'Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
      ['Mary Smith<mary@x.test>', '<jdoe@example.org>', 'Who?<one@y.test>'],
    ],
    [
      '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
      ['<boss@nil.test>', 'Giant; "Big" Box<sysservices@example.net>'],
    ],
    [
      'A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;',
      [
        'Ed Jones<joe@where.test> in A Group',
        '<joe@where.test> in A Group',
        'John<jdoe@one.test> in A Group',
      ],
    ],
    ['Undisclosed recipients:;', []],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['Pete<pete@silly.test>']],
    [
      "A Group(Some people)\n     :Chris Jones <c@(Chris's host.)public.example>,\n         joe@example.org,\n" +
        '  John <jdoe@one.test> (my dear friend); (the end of the group)',
      [
        'Chris Jones<c@public.example> in A Group',
        '<joe@example.org> in A Group',
        'John<jdoe@one.test> in A Group',
      ],
    ],
    ['(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;', []],
    ['Joe Q. Public <john.q.public@example.com>', ['Joe Q. Public<john.q.public@example.com>']],
    [
      'Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example',
      ['Mary Smith<mary@example.net>', '<jdoe@test.example>'],
    ],
    ['John Doe <jdoe@machine(comment).  example>', ['John Doe<jdoe@machine.example>']],
    ['Mary Smith\n  \n          <mary@example.net>', ['Mary Smith<mary@example.net>']],
  ])('are in %j those that RFC 5322 (appendix A) means', (value, expected) => {
    expect(short(value)).toEqual(expected);
  });

  it.each([
    ['=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>', ['Keith Moore<moore@cs.utk.edu>']],
    ['=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>', ['Keld Jørn Simonsen<keld@dkuug.dk>']],
    ['=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>', ['André Pirard<PIRARD@vm1.ulg.ac.be>']],
    ['=?ISO-8859-1?Q?Olle_J=E4rnefors?= <ojarnef@admin.kth.se>', ['Olle Järnefors<ojarnef@admin.kth.se>']],
    [
      'ietf-822@dimacs.rutgers.edu, ojarnef@admin.kth.se',
      ['<ietf-822@dimacs.rutgers.edu>', '<ojarnef@admin.kth.se>'],
    ],
    ['=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>', ['Patrik Fältström<paf@nada.kth.se>']],
    [
      'Nathaniel Borenstein <nsb@thumper.bellcore.com>\n      (=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=)',
      ['Nathaniel Borenstein<nsb@thumper.bellcore.com>'],
    ],
    [
      'Greg Vaudreuil <gvaudre@NRI.Reston.VA.US>, Ned Freed\n   <ned@innosoft.com>, Keith Moore <moore@cs.utk.edu>',
      [
        'Greg Vaudreuil<gvaudre@NRI.Reston.VA.US>',
        'Ned Freed<ned@innosoft.com>',
        'Keith Moore<moore@cs.utk.edu>',
      ],
    ],
  ])('are in %j those that RFC 2047 (8) means', (value, expected) => {
    expect(short(value)).toEqual(expected);
  });

  it('have names that are decoded only after the list was divided (RFC 2047, 5)', () => {
    expect(short('=?utf-8?Q?Doe=2C_Bob_=3Cceo=40bank.example=3E?= <bob@x.example>, ann@y.example')).toEqual([
      'Doe, Bob <ceo@bank.example><bob@x.example>',
      '<ann@y.example>',
    ]);
    expect(short('=?utf-8?Q?Gr=C3=BC=C3=9Fe?=: a@b.example;')).toEqual(['<a@b.example> in Grüße']);
  });

  it('may be internationalised (RFC 6532, 3)', () => {
    expect(addressesIn('Jürgen Müller <jürgen@BÜCHER.example>')).toEqual([
      {
        name: 'Jürgen Müller',
        address: 'jürgen@BÜCHER.example',
        local: 'jürgen',
        domain: 'xn--bcher-kva.example',
        mailbox: 'jürgen@xn--bcher-kva.example',
      },
    ]);
  });

  it('keep a quoted local part in quotes, so that the domain is the one behind them', () => {
    expect(addressesIn('"ceo@bank.example"@evil.example')).toEqual([
      {
        name: '',
        address: '"ceo@bank.example"@evil.example',
        local: '"ceo@bank.example"',
        domain: 'evil.example',
        mailbox: '"ceo@bank.example"@evil.example',
      },
    ]);
    expect(short('"ceo@bank.example" <x@evil.example>')).toEqual(['ceo@bank.example<x@evil.example>']);
  });

  it('are those of all fields of the name, in order', () => {
    const headers = headersOf(
      ['Cc', 'a@x.example'],
      ['To', 'b@x.example'],
      ['CC', 'c@x.example, d@x.example'],
    );
    expect(headers.addresses('cc').map(({ local }) => local)).toEqual(['a', 'c', 'd']);
    expect(headers.addresses('Bcc')).toEqual([]);
  });

  it.each(['', ' ', '<>', 'undisclosed-recipients', 'Bob', ';', ':;', ',,,', '()', '""'])(
    'are not found in %j',
    (value) => {
      expect(addressesIn(value)).toEqual([]);
    },
  );

  it('are ten thousand where there are ten thousand', () => {
    const value = Array.from({ length: 10_000 }, (_, index) => `Name ${index} <u${index}@x.example>`).join(
      ',\n\t',
    );
    const all = addressesIn(value);
    expect(all).toHaveLength(10_000);
    expect(all[9_999]).toEqual({
      name: 'Name 9999',
      address: 'u9999@x.example',
      local: 'u9999',
      domain: 'x.example',
      mailbox: 'u9999@x.example',
    });
  });

  it('have an address, whatever a mail holds', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '"',
        '\\',
        '(',
        ')',
        '<',
        '>',
        '@',
        ',',
        ';',
        ':',
        '[',
        ']',
        '.',
        ' ',
        '\n ',
        '=?utf-8?Q?a=0A?=',
      ),
      fc.string({ unit: 'grapheme', maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        for (const { name, address, domain } of addressesIn(pieces.join(''))) {
          expect(address).not.toBe('');
          expect(domain).toBeTypeOf('string');
          expect(name).not.toContain('\n');
        }
      }),
      { numRuns: 300 },
    );
  });

  const MEGABYTE = 1 << 20;
  it.each([
    '"',
    '(',
    '()',
    '<',
    '<a',
    'g:',
    'g: a@b, ',
    ',',
    '@',
    'a@',
    'a ',
    '\\',
    ';',
    '"a"@',
    '@[',
    'a, ',
    ' .c',
  ])('are read at once from a megabyte of %j', (piece) => {
    const value = piece.repeat(MEGABYTE / piece.length);
    expect(addressesIn(value)).toBeInstanceOf(Array);
  });
});
