import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../src/transport/wire/commands.js';
import {
  type Layout,
  Malformed,
  connect,
  decodeMacros,
  macro,
  optneg,
  pair,
  string,
  strings,
} from '../../src/transport/wire/layouts.js';
import { decodeText } from '../../src/transport/wire/text.js';
import { latin1 } from '../support/vectors.js';

function decode<F>(layout: Layout<F>, text: string): F {
  // What stands around the data must never be read: a NUL behind it would end a string that has none.
  const data = latin1(`\0\0${text}\0\0`);
  return layout.decode(data, 2, data.length - 2);
}

describe('text', () => {
  it.each([
    ['ASCII', 'plain', 'plain'],
    ['UTF-8', 'caf\xc3\xa9', 'café'],
    ['Latin-1 where it is not UTF-8', 'caf\xe9', 'café'],
    ['a replacement character that was sent', '\xef\xbf\xbd', '\ufffd'],
    ['a byte order mark, kept', '\xef\xbb\xbfx', '\ufeffx'],
    ['an overlong form, which is not UTF-8', '\xc0\xaf', 'À¯'],
    ['a surrogate, which is not UTF-8', '\xed\xa0\x80', 'í\xa0\x80'],
    ['nothing', '', ''],
  ])('is read as %s', (_, bytes, expected) => {
    const data = latin1(`\xff${bytes}\xff`);
    expect(decodeText(data, 1, data.length - 1)).toBe(expected);
  });
});

describe('strings', () => {
  it('keeps the bytes of an address that is not UTF-8', () => {
    const fields = decode(strings, '<j\xf6rg@x>\0SIZE=1\0');
    expect(fields).toEqual({ address: '<jörg@x>', args: ['SIZE=1'], raw: latin1('<j\xf6rg@x>') });
    expect(strings.encode(fields)[0]).toEqual(latin1('<j\xf6rg@x>'));
  });

  it('reads empty arguments', () => {
    expect(decode(strings, 'a\0\0b\0').args).toEqual(['', 'b']);
  });

  it.each(['', 'a', 'a\0b', 'a\0b\0c'])('refuses %j, which has no NUL at its end', (text) => {
    expect(() => decode(strings, text)).toThrow(Malformed);
  });
});

describe('string', () => {
  it.each(['', 'a', 'a\0b', 'a\0\0'])('refuses %j', (text) => {
    expect(() => decode(string, text)).toThrow(Malformed);
  });
});

describe('pair', () => {
  it('keeps the bytes of a value that is not UTF-8', () => {
    const fields = decode(pair, 'Subject\0caf\xe9\0');
    expect(fields).toEqual({ name: 'Subject', value: 'café', raw: latin1('caf\xe9') });
  });

  it.each(['', 'a', 'a\0', 'a\0b', '\0b\0', 'a\0b\0c', 'a\0b\0c\0'])('refuses %j', (text) => {
    expect(() => decode(pair, text)).toThrow(Malformed);
  });
});

describe('optneg', () => {
  const words = '\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff';

  it('reads words with their top bit set as positive', () => {
    expect(decode(optneg, '\xff\xff\xff\xff\x80\0\0\0\xf0\0\0\0')).toEqual({
      version: 0xffffffff,
      actions: 0x80000000,
      protocol: 0xf0000000,
      lists: [],
    });
  });

  it.each([
    ['eleven bytes', words.slice(1)],
    ['a stage of three bytes', `${words}\0\0\0`],
    ['a list without its NUL', `${words}\0\0\0\0i`],
    ['a stage without list', `${words}\0\0\0\0`],
  ])('refuses %s', (_, text) => {
    expect(() => decode(optneg, text)).toThrow(Malformed);
  });
});

describe('connect', () => {
  it('strips the prefix of an IPv6 address in any case', () => {
    expect(decode(connect, 'h\x006\0\x19ipV6:::1\0')).toMatchObject({
      family: 'inet6',
      port: 25,
      address: '::1',
    });
  });

  it('reads a port as unsigned', () => {
    expect(decode(connect, 'h\x004\xff\xff127.0.0.1\0').port).toBe(65535);
  });

  it('reads the port of a Unix socket', () => {
    expect(decode(connect, 'h\0L\0\0/s\0')).toMatchObject({ family: 'unix', port: 0, address: '/s' });
  });

  it('takes a client whose address is wrong as unknown, and keeps what was said of it', () => {
    expect(decode(connect, 'h\x004\0\x19not an address\0')).toMatchObject({
      family: 'unknown',
      port: 25,
      address: 'not an address',
    });
  });

  it('does not take what comes after the frame for its family', () => {
    expect(() => connect.decode(latin1('h\0U'), 0, 2)).toThrow(Malformed);
  });

  it('refuses an address of the other family, and a family that there is not', () => {
    expect(() => decode(connect, 'h\x004\0\x19::1\0')).toThrow(/does not fit/);
    expect(() => decode(connect, 'h\x006\0\x19127.0.0.1\0')).toThrow(/does not fit/);
    expect(() => decode(connect, 'h\0X\0\x19127.0.0.1\0')).toThrow(/0x58 is not one of/);
  });

  it.each(['', 'h', 'h\0', 'h\x004', 'h\x004\0', 'h\x004\0\x19', 'h\x006\0\x19::1', 'h\0L\0\0/s'])(
    'refuses %j',
    (text) => {
      expect(() => decode(connect, text)).toThrow(Malformed);
    },
  );
});

describe('macro', () => {
  it('reads empty names and values', () => {
    expect(decode(macro, 'M\0\0i\0\0')).toEqual({
      target: 'M',
      macros: [
        ['', ''],
        ['i', ''],
      ],
    });
  });

  it('leaves a text without its NUL alone, as libmilter does', () => {
    expect(decode(macro, 'Mi\0a\0j\0abc').macros).toEqual([
      ['i', 'a'],
      ['j', undefined],
    ]);
    expect(decode(macro, 'Mi\0abc').macros).toEqual([['i', undefined]]);
    expect(decode(macro, 'Mabc').macros).toEqual([]);
    expect(decodeMacros(latin1('i\0abc'), 0, 5)).toEqual([['i', undefined]]);
  });
});

describe('commands with more than they need', () => {
  const read = (name: keyof typeof COMMANDS, data: string): unknown =>
    COMMANDS[name].layout.decode(latin1(data), 0, data.length);

  it.each([
    ['helo', 'a\0b\0', { text: 'a' }],
    ['helo', 'a\0\0', { text: 'a' }],
    ['unknown', 'a\0b', { text: 'a' }],
    ['header', 'A\0b\0c\0', { name: 'A', value: 'b' }],
    ['header', 'A\0\xe9\0\0\0', { name: 'A', value: '\xe9' }],
    ['mail', '<a>\0b\0c', { address: '<a>', args: ['b'] }],
    ['rcpt', '<\xe9>\0c', { address: '<\xe9>', args: [] }],
    ['data', 'x', {}],
    ['quit', 'x', {}],
  ] as const)('%s: %j is read as far as it is needed', (name, data, expected) => {
    expect(read(name, data)).toMatchObject(expected);
  });

  it.each([
    ['helo', 'a'],
    ['helo', 'a\0b'],
    ['helo', ''],
    ['header', 'A\0b\0c'],
    ['header', 'A\0b'],
    ['header', '\0b\0c\0'],
    ['mail', '<a>'],
    ['mail', ''],
    ['unknown', 'a'],
    ['connect', 'h\x004\0\x19127.0.0.1\0x'],
  ] as const)('%s: %j is none', (name, data) => {
    expect(() => read(name, data)).toThrow(Malformed);
  });
});
