import { isIPv4, isIPv6 } from 'node:net';

import { quote } from '../../common/printable.js';
import { decodeAscii, decodeText } from './text.js';

/** Bytes that do not fit their layout; the decoder adds the frame and makes it a `ProtocolError`. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** A part of a frame on its way out: text is written as UTF-8, bytes as they are. */
export type Piece = string | Uint8Array;

/** How the data of a command or a reply is divided, for its decoder and its encoder. */
export interface Layout<F> {
  readonly doc: string;
  /** Reads `data[start, end)`; throws `Malformed` where it does not fit. Copies no bytes. */
  decode(data: Buffer, start: number, end: number): F;
  /** The data as pieces to be joined. */
  encode(fields: F): readonly Piece[];
}

const NUL = new Uint8Array(1);

/** Where the string that begins at `start` ends. Throws where no NUL ends it before `end`. */
function findNul(data: Buffer, start: number, end: number, what: string): number {
  const at = data.indexOf(0, start);
  if (at === -1 || at >= end) throw new Malformed(`${what} has no NUL at its end`);
  return at;
}

/** The same for the last string that is read: what may follow on it is said by the function. */
type FindEnd = typeof findNul;

/** Nothing may. */
function findLastNul(data: Buffer, start: number, end: number, what: string): number {
  const at = findNul(data, start, end, what);
  if (at !== end - 1) throw new Malformed(`${end - 1 - at} bytes after ${what}`);
  return at;
}

/** Anything may that has a NUL at its end. */
function findEndedNul(data: Buffer, start: number, end: number, what: string): number {
  const at = findNul(data, start, end, what);
  if (data[end - 1] !== 0) throw new Malformed(`${end - 1 - at} bytes after ${what}`);
  return at;
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

const EMPTY: object = Object.freeze({});

/** No data; Postfix, too, takes anything more for a broken peer. */
export const none: Layout<object> = {
  doc: '(no data)',
  decode(_data, start, end) {
    if (end > start) throw new Malformed(`${end - start} bytes of data where there may be no data`);
    return EMPTY;
  },
  encode: () => [],
};

/** No data in a command: libmilter does not look whether there is any. */
export const noneRead: Layout<object> = { ...none, decode: () => EMPTY };

export interface BytesFields {
  readonly data: Uint8Array;
}

/** Raw bytes: not a string, so NUL is a byte like any other. */
export const bytes: Layout<BytesFields> = {
  doc: 'bytes',
  decode: (data, start, end) => ({ data: data.subarray(start, end) }),
  encode: (fields) => [fields.data],
};

export interface StringFields {
  readonly text: string;
  /** The bytes of `text`; where given, they are written. */
  readonly raw?: Uint8Array;
}

function stringUpTo(findEnd: FindEnd): Layout<StringFields> {
  return {
    doc: 'str text',
    decode(data, start, end) {
      const nul = findEnd(data, start, end, 'the string');
      return { text: decodeText(data, start, nul), raw: data.subarray(start, nul) };
    },
    encode: (fields) => [fields.raw ?? fields.text, NUL],
  };
}

export const string = stringUpTo(findLastNul);
/** A string in a command: libmilter does not look at what follows on it, or only at the last byte of that. */
export const endedStringRead = stringUpTo(findEndedNul);
export const stringRead = stringUpTo(findNul);

export interface StringsFields {
  readonly address: string;
  /** The ESMTP arguments. As an event each is a string of its own; as a reply all of them are one string. */
  readonly args: readonly string[];
  /** The bytes of `address`; where given, they are written. */
  readonly raw?: Uint8Array;
}

const NO_ARGS: readonly string[] = Object.freeze([]);

export const strings: Layout<StringsFields> = {
  doc: 'str address, str arg...',
  decode(data, start, end) {
    // The usual case, all ASCII, is decoded at once and then divided.
    const text = data[end - 1] === 0 ? decodeAscii(data, start, end - 1) : undefined;
    if (text !== undefined) {
      const first = text.indexOf('\0');
      if (first === -1) return { address: text, args: NO_ARGS, raw: data.subarray(start, end - 1) };
      const rest = text.slice(first + 1).split('\0');
      return { address: text.slice(0, first), args: rest, raw: data.subarray(start, start + first) };
    }
    const nul = findNul(data, start, end, 'the address');
    const args: string[] = [];
    for (let at = nul + 1; at < end;) {
      const stop = findNul(data, at, end, 'an argument');
      args.push(decodeText(data, at, stop));
      at = stop + 1;
    }
    return { address: decodeText(data, start, nul), args, raw: data.subarray(start, nul) };
  },
  encode: (fields) => [fields.raw ?? fields.address, NUL, ...fields.args.flatMap((arg) => [arg, NUL])],
};

/** Strings in a command: libmilter leaves one alone that has no NUL at its end, but for the first. */
export const stringsRead: Layout<StringsFields> = {
  ...strings,
  decode: (data, start, end) =>
    strings.decode(data, start, data[end - 1] === 0 ? end : endOfStrings(data, start, end)),
};

/** Where the last string ends that has a NUL; the end where none has. */
function endOfStrings(data: Buffer, start: number, end: number): number {
  const nul = end === start ? -1 : data.lastIndexOf(0, end - 1);
  return nul < start ? end : nul + 1;
}

export interface PairFields {
  readonly name: string;
  readonly value: string;
  /** The bytes of `value`; where given, they are written. */
  readonly raw?: Uint8Array;
}

function pairUpTo(findEnd: FindEnd): Layout<PairFields> {
  return {
    doc: 'str name, str value',
    decode(data, start, end) {
      // The usual header: ASCII, two strings and no more.
      const text = decodeAscii(data, start, end);
      const last = end - start - 1;
      if (text !== undefined) {
        const nul = text.indexOf('\0');
        if (nul > 0 && nul < last && text.indexOf('\0', nul + 1) === last) {
          const raw = data.subarray(start + nul + 1, end - 1);
          return { name: text.slice(0, nul), value: text.slice(nul + 1, last), raw };
        }
      }
      const colon = findNul(data, start, end, 'the header name');
      if (colon === start) throw new Malformed('the header name is empty');
      const nul = findEnd(data, colon + 1, end, 'the header value');
      return {
        name: decodeText(data, start, colon),
        value: decodeText(data, colon + 1, nul),
        raw: data.subarray(colon + 1, nul),
      };
    },
    encode: (fields) => [fields.name, NUL, fields.raw ?? fields.value, NUL],
  };
}

export const pair = pairUpTo(findLastNul);
/** A pair in a command: of what follows on it libmilter looks at the last byte alone. */
export const pairRead = pairUpTo(findEndedNul);

/** A header and its place, or which of several of its name it is. */
export interface IndexedPairFields extends PairFields {
  readonly index: number;
}

export const indexedPair: Layout<IndexedPairFields> = {
  doc: 'u32 index, str name, str value',
  decode(data, start, end) {
    if (end - start < 4) throw new Malformed(`the index has ${end - start} bytes instead of 4`);
    return { index: data.readUInt32BE(start), ...pair.decode(data, start + 4, end) };
  },
  encode: (fields) => [u32(fields.index), ...pair.encode(fields)],
};

/** How the SMTP client is connected to the MTA. */
export type Family = 'inet' | 'inet6' | 'unix' | 'unknown';

export interface ConnectFields {
  readonly host: string;
  readonly family: Family;
  /** 0 where the MTA does not know it. */
  readonly port: number;
  /** The address without Sendmail's `IPv6:` in front, a socket path for `unix`, `''` for `unknown`. */
  readonly address: string;
  /** The bytes of `host`; where given, they are written. */
  readonly raw?: Uint8Array;
}

const LETTERS: Readonly<Record<Family, string>> = { inet: '4', inet6: '6', unix: 'L', unknown: 'U' };
const FAMILIES = new Map<number, Family>(
  (Object.keys(LETTERS) as Family[]).map((family) => [LETTERS[family].charCodeAt(0), family]),
);
const SENDMAIL_PREFIX = /^IPv6:/i;

export const connect: Layout<ConnectFields> = {
  doc: 'str host, u8 family (4 6 L U) [, u16 port, str address]',
  decode(data, start, end) {
    const nul = findNul(data, start, end, 'the host name');
    const host = decodeText(data, start, nul);
    const raw = data.subarray(start, nul);
    const letter = nul + 1 < end ? data[nul + 1] : undefined;
    if (letter === undefined) throw new Malformed('no address family after the host name');
    const family = FAMILIES.get(letter);
    if (family === undefined) {
      throw new Malformed(`address family 0x${letter.toString(16)} is not one of 4, 6, L, U`);
    }
    if (family === 'unknown') return { host, family, port: 0, address: '', raw };
    const at = nul + 2;
    if (end - at < 2) throw new Malformed(`no port after the address family ${LETTERS[family]}`);
    const stop = findNul(data, at + 2, end, 'the address');
    if (data[end - 1] !== 0) throw new Malformed('no NUL at the end');
    const address = decodeText(data, at + 2, stop).replace(SENDMAIL_PREFIX, '');
    return { host, family: fitting(family, address), port: data.readUInt16BE(at), address, raw };
  },
  encode(fields) {
    const head = [fields.raw ?? fields.host, NUL, LETTERS[fields.family]];
    if (fields.family === 'unknown') return head;
    return [...head, Uint8Array.of(fields.port >> 8, fields.port & 0xff), fields.address, NUL];
  },
};

/** Whether the address of a readable CONNECT has Sendmail's `IPv6:` before it. */
export function hasPrefix(data: Buffer, start: number, end: number): boolean {
  const family = findNul(data, start, end, 'the host name') + 1;
  return SENDMAIL_PREFIX.test(data.toString('latin1', family + 3, end));
}

/** A peer with an address of the other family cannot be trusted; the client of one that is no address is unknown. */
function fitting(family: Family, address: string): Family {
  if (family === 'unix') return family;
  const four = isIPv4(address);
  const six = isIPv6(address);
  if (family === 'inet' ? six : four) {
    throw new Malformed(`address family ${LETTERS[family]} does not fit the address ${quote(address)}`);
  }
  return four || six ? family : 'unknown';
}

/** An offer, or the answer to one. */
export interface OptnegFields {
  readonly version: number;
  /** Bits of `SMFIF`. */
  readonly actions: number;
  /** Bits of `SMFIP`. */
  readonly protocol: number;
  /** Macros that a filter asks for: the stage (libmilter's `SMFIM_*`), and names with blanks between. */
  readonly lists: readonly (readonly [stage: number, macros: string])[];
}

export const optneg: Layout<OptnegFields> = {
  doc: 'u32 version, u32 actions, u32 protocol [, (u32 stage, str macros)...]',
  decode(data, start, end) {
    if (end - start < 12) throw new Malformed(`${end - start} bytes instead of 12 or more`);
    return {
      version: data.readUInt32BE(start),
      actions: data.readUInt32BE(start + 4),
      protocol: data.readUInt32BE(start + 8),
      lists: decodeLists(data, start + 12, end),
    };
  },
  encode: ({ version, actions, protocol, lists }) => [
    ...[version, actions, protocol].map(u32),
    ...lists.flatMap(([stage, macros]) => [u32(stage), macros, NUL]),
  ],
};

function decodeLists(data: Buffer, start: number, end: number): [number, string][] {
  const lists: [number, string][] = [];
  for (let at = start; at < end;) {
    if (end - at < 4) throw new Malformed(`the stage of a symbol list has ${end - at} bytes instead of 4`);
    const stop = findNul(data, at + 4, end, 'a symbol list');
    lists.push([data.readUInt32BE(at), decodeText(data, at + 4, stop)]);
    at = stop + 1;
  }
  return lists;
}

export interface MacroFields {
  /** The letter of the command that they belong to. */
  readonly target: string;
  /** Names as the MTA wrote them (`i`, `{auth_authen}`) and values, in order. A value may be missing. */
  readonly macros: readonly (readonly [name: string, value: string | undefined])[];
}

export const macro: Layout<MacroFields> = {
  doc: 'u8 command, (str name, str value)...',
  decode(data, start, end) {
    if (end === start) throw new Malformed('no command letter');
    return { target: String.fromCharCode(data[start] ?? 0), macros: decodeMacros(data, start + 1, end) };
  },
  encode: ({ target, macros }) => [
    Uint8Array.of(target.charCodeAt(0)),
    ...macros.flatMap(([name, value]) => (value === undefined ? [name, NUL] : [name, NUL, value, NUL])),
  ],
};

/**
 * Reads the pairs of a macro frame. As libmilter does, a last name without value is accepted: its value is absent; and
 * a last text without a NUL at its end is left alone.
 */
export function decodeMacros(data: Buffer, start: number, given: number): [string, string | undefined][] {
  const end =
    given === start || data[given - 1] === 0 ? given : Math.max(start, data.lastIndexOf(0, given - 1) + 1);
  const macros: [string, string | undefined][] = [];
  for (let at = start; at < end;) {
    const stop = data.indexOf(0, at);
    const name = decodeText(data, at, stop);
    at = stop + 1;
    if (at === end) {
      macros.push([name, undefined]);
    } else {
      const last = data.indexOf(0, at);
      macros.push([name, decodeText(data, at, last)]);
      at = last + 1;
    }
  }
  return macros;
}
