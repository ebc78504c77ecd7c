import type { Command } from '../../../src/transport/wire/commands.js';

interface Bytes {
  readonly id: string;
  readonly what: string;
  /** The bytes in hexadecimal. */
  readonly bytes: string;
  /** How many zeros follow them. */
  readonly zeros?: number;
}

/** Bytes that nobody may send. */
export interface MalformedVector extends Bytes {
  /** Who sends them, and so which table decodes them. */
  readonly from: 'mta' | 'filter';
  /** The letter that the error names, `undefined` where the frame is refused before it counts. */
  readonly command: string | undefined;
  readonly reason: RegExp;
}

/** Bytes that nobody should send and that are understood all the same. */
export interface OddVector extends Bytes {
  /** What they decode to. */
  readonly fields: Command;
}

/** Frames that end the connection. */
export const MALFORMED_VECTORS: readonly MalformedVector[] = [
  { id: 'X01', what: 'length 0', bytes: '00000000', from: 'mta', command: undefined, reason: /length is 0/ },
  {
    id: 'X02',
    what: 'length 2^32 - 1',
    bytes: 'ffffffff 4d',
    from: 'mta',
    command: undefined,
    reason: /4294967295.*65536/,
  },
  {
    id: 'X03',
    what: 'one byte too many',
    bytes: '00010001 42',
    zeros: 65536,
    from: 'mta',
    command: undefined,
    reason: /65537.*65536/,
  },
  {
    id: 'X04',
    what: 'sender without NUL',
    bytes: '00000006 4d 3c6140623e',
    from: 'mta',
    command: 'M',
    reason: /address has no NUL/,
  },
  {
    id: 'X05',
    what: 'client without family',
    bytes: '0000000b 43 6c6f63616c686f737400',
    from: 'mta',
    command: 'C',
    reason: /no address family/,
  },
  {
    id: 'X06',
    what: 'client without address',
    bytes: '0000000e 43 6c6f63616c686f737400340019',
    from: 'mta',
    command: 'C',
    reason: /address has no NUL/,
  },
  {
    id: 'X07',
    what: 'header without value',
    bytes: '00000009 4c 5375626a65637400',
    from: 'mta',
    command: 'L',
    reason: /value has no NUL/,
  },
  {
    id: 'X08',
    what: 'header without name',
    bytes: '00000004 4c 007800',
    from: 'mta',
    command: 'L',
    reason: /name is empty/,
  },
  {
    id: 'X09',
    what: 'index of three bytes',
    bytes: '00000004 6d 000001',
    from: 'filter',
    command: 'm',
    reason: /3 bytes instead of 4/,
  },
  {
    id: 'X10',
    what: 'continue with data',
    bytes: '00000002 63 78',
    from: 'filter',
    command: 'c',
    reason: /1 bytes of data/,
  },
  {
    id: 'X11',
    what: 'reply without NUL',
    bytes: '0000000b 79 353530206e6f206e756c',
    from: 'filter',
    command: 'y',
    reason: /no NUL/,
  },
  {
    id: 'X12',
    what: 'offer of 8 bytes',
    bytes: '00000009 4f 00000006000001ff',
    from: 'mta',
    command: 'O',
    reason: /8 bytes instead of 12/,
  },
  { id: 'X13', what: 'helo without data', bytes: '00000001 48', from: 'mta', command: 'H', reason: /no NUL/ },
  {
    id: 'X14',
    what: 'macros of no command',
    bytes: '00000001 44',
    from: 'mta',
    command: 'D',
    reason: /no command letter/,
  },
  {
    id: 'X16',
    what: 'unknown command',
    bytes: '00000001 5a',
    from: 'mta',
    command: 'Z',
    reason: /letter is unknown/,
  },
];

/** Frames that are odd and no reason to lose mail. */
export const ODD_VECTORS: readonly OddVector[] = [
  {
    id: 'X15',
    what: 'macro without value',
    bytes: '00000004 44 4d6900',
    fields: { type: 'macro', target: 'M', macros: [['i', undefined]] },
  },
  {
    id: 'X17',
    what: 'macro of an unknown command',
    bytes: '00000006 44 5a69007800',
    fields: { type: 'macro', target: 'Z', macros: [['i', 'x']] },
  },
  {
    id: 'X18',
    what: 'no macros',
    bytes: '00000002 44 4d',
    fields: { type: 'macro', target: 'M', macros: [] },
  },
  { id: 'X19', what: 'empty body', bytes: '00000001 42', fields: { type: 'body', data: Buffer.alloc(0) } },
  {
    id: 'X20',
    what: 'offer of version 1',
    bytes: '0000000d 4f 00000001000001ff001fffff',
    fields: { type: 'optneg', version: 1, actions: 0x1ff, protocol: 0x1fffff, lists: [] },
  },
  {
    id: 'X21',
    what: 'offer of version 7',
    bytes: '0000000d 4f 00000007000001ff001fffff',
    fields: { type: 'optneg', version: 7, actions: 0x1ff, protocol: 0x1fffff, lists: [] },
  },
  {
    id: 'X22',
    what: 'offer of nothing',
    bytes: '0000000d 4f 000000020000000000000000',
    fields: { type: 'optneg', version: 2, actions: 0, protocol: 0, lists: [] },
  },
];
