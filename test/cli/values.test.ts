import { describe, expect, test } from 'vitest';

import { addressesIn } from '../../src/cli/envelope.js';
import { parseClient, parseMacros, parsePath } from '../../src/cli/values.js';
import { didYouMean } from '../../src/common/options.js';

describe('the addresses in a header', () => {
  // The examples of RFC 5322, A.1 and A.5, among others
  test.each([
    ['bob@example.org', ['bob@example.org']],
    ['John Doe <jdoe@machine.example>', ['jdoe@machine.example']],
    ['"Joe Q. Public" <john.q.public@example.com>', ['john.q.public@example.com']],
    [
      'Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>',
      ['mary@x.test', 'jdoe@example.org', 'one@y.test'],
    ],
    [
      '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
      ['boss@nil.test', 'sysservices@example.net'],
    ],
    [
      'A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;',
      ['c@a.test', 'joe@where.test', 'jdoe@one.test'],
    ],
    ['Undisclosed recipients:;', []],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', ['pete@silly.test']],
    ['"a,b"@example.org', ['"a,b"@example.org']],
    ['', []],
  ])('%s', (value, addresses) => {
    expect(addressesIn(value)).toEqual(addresses);
  });
});

describe('an address as in SMTP', () => {
  test.each([
    ['bob@example.org', { address: 'bob@example.org', args: [] }],
    ['<bob@example.org>', { address: 'bob@example.org', args: [] }],
    ['<>', { address: '', args: [] }],
    ['', { address: '', args: [] }],
    [
      'bob@example.org  NOTIFY=SUCCESS,FAILURE SMTPUTF8',
      { address: 'bob@example.org', args: ['NOTIFY=SUCCESS,FAILURE', 'SMTPUTF8'] },
    ],
    ['<"a b"@example.org> X=1', { address: '"a b"@example.org', args: ['X=1'] }],
    ['"a b"@example.org X=1', { address: '"a b"@example.org', args: ['X=1'] }],
  ])('%j', (text, path) => {
    expect(parsePath('--rcpt', text)).toEqual(path);
  });

  test('takes no words that are no arguments', () => {
    expect(() => parsePath('--rcpt', 'Bob <bob@example.org>')).toThrow('is no ESMTP argument');
  });
});

describe('a client', () => {
  test.each([
    ['192.0.2.7', { host: '[192.0.2.7]', family: 'inet', address: '192.0.2.7', port: 40_000 }],
    ['m.example 192.0.2.7:25', { host: 'm.example', family: 'inet', address: '192.0.2.7', port: 25 }],
    ['2001:db8::7', { host: '[2001:db8::7]', family: 'inet6', address: '2001:db8::7', port: 40_000 }],
    ['m.example [2001:db8::7]:25', { host: 'm.example', family: 'inet6', address: '2001:db8::7', port: 25 }],
    ['[IPv6:2001:db8::7]', { host: '[2001:db8::7]', family: 'inet6', address: '2001:db8::7', port: 40_000 }],
    ['unknown', { host: 'unknown', family: 'unknown', address: '', port: 0 }],
  ])('%s', (text, client) => {
    expect(parseClient(text)).toEqual(client);
  });

  test.each(['', 'm.example', '192.0.2', '192.0.2.7:99999', 'a b 192.0.2.7'])('is not %j', (text) => {
    expect(() => parseClient(text)).toThrow('is no client. Write');
  });
});

describe('macros', () => {
  test('get the braces of the wire', () => {
    expect(parseMacros(['i=4711', 'auth_authen=bob', '{tls_version}=a=b', 'v='])).toEqual({
      i: '4711',
      '{auth_authen}': 'bob',
      '{tls_version}': 'a=b',
      v: '',
    });
  });
});

describe('the didYouMean word', () => {
  test.each([
    ['form', 'from'],
    ['sned', undefined],
    ['macros', 'macro'],
    ['zzz', undefined],
  ])('to %s is %s', (word, expected) => {
    expect(didYouMean(word, ['from', 'macro', 'message'])).toBe(expected);
  });
});
