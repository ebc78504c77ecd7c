import fc from 'fast-check';

import { frame } from '../../support/session-frames.js';

/** The letters of table 2.1 that an MTA may send after the negotiation. */
export const LETTERS = 'CHMRTLNBEUADQK';
/** The letters of what a filter can answer, and the flags of the negotiation that are about them. */
export const NO: Readonly<Record<string, number>> = {
  C: 0x1,
  H: 0x2,
  M: 0x4,
  R: 0x8,
  B: 0x10,
  L: 0x20,
  N: 0x40,
  U: 0x100,
  T: 0x200,
};
export const NR: Readonly<Record<string, number>> = {
  L: 0x80,
  C: 0x1000,
  H: 0x2000,
  M: 0x4000,
  R: 0x8000,
  T: 0x10000,
  U: 0x20000,
  N: 0x40000,
  B: 0x80000,
};

/** One command of an MTA, and how it goes over the wire. */
export class MtaCommand {
  readonly letter: string;
  readonly data: Buffer;
  /** Names and values of the macro frame before it, where there is one. */
  readonly macros: readonly string[] | undefined;
  /** Where its bytes are cut apart. */
  readonly cuts: readonly number[];

  constructor(
    letter: string,
    data: Buffer | string = '',
    macros?: readonly string[],
    cuts: readonly number[] = [],
  ) {
    this.letter = letter;
    this.data = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    this.macros = macros;
    this.cuts = cuts;
  }

  /** With its macro frame, as one piece. */
  get bytes(): Buffer {
    const own = frame(this.letter, this.data);
    return this.macros === undefined ? own : Buffer.concat([this.macroFrame, own]);
  }

  get macroFrame(): Buffer {
    return frame('D', [this.letter, ...(this.macros ?? []).map((one) => `${one}\0`)].join(''));
  }

  toString(): string {
    const shown =
      this.data.length > 60 ? `${this.data.length} bytes` : JSON.stringify(this.data.toString('latin1'));
    const macros = this.macros === undefined ? '' : `D(${this.macros.join(',')}) `;
    const cuts = this.cuts.length === 0 ? '' : ` cut at ${this.cuts.join(',')}`;
    return `${macros}${this.letter}${this.data.length === 0 ? '' : ` ${shown}`}${cuts}`;
  }
}

const text = fc.oneof(
  fc.constantFrom(
    '',
    'a@example.org',
    '<b@example.org>',
    '<>',
    'localhost',
    '\xff\xfe',
    'gr\xc3\xbc\xc3\x9fe',
    'a\tb',
    '%s%n',
  ),
  fc
    .uint8Array({ maxLength: 12 })
    .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('\0', ' ')),
);
const string = text.map((one) => `${one}\0`);
const body = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(300, 65535).map((size) => Buffer.alloc(size, 'line\r\n')) },
);
const DATA: Readonly<Record<string, fc.Arbitrary<Buffer | string>>> = {
  C: fc
    .tuple(
      string,
      fc.constantFrom(
        'U',
        '4\0\x19192.0.2.1\0',
        '6\0\0IPv6:2001:db8::1\0',
        '6\0\x192001:db8::1\0',
        'L\0\0/run/x\0',
      ),
    )
    .map((parts) => parts.join('')),
  H: string,
  U: string,
  M: fc.array(string, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
  R: fc.array(string, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
  L: text.map((value) => `X-Header\0${value}\0`),
  B: body,
  E: fc.oneof({ weight: 5, arbitrary: fc.constant('') }, { weight: 1, arbitrary: body }),
};
const macros = fc.option(
  fc.oneof(
    fc.constantFrom([], ['i', 'ABC'], ['{i}', 'ABC'], ['i'], ['{auth_authen}', 'me', 'j', '']),
    fc.array(text, { maxLength: 4 }),
  ),
  { nil: undefined, freq: 2 },
);
const cuts = fc.oneof(
  { weight: 3, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }) },
);

/** A well-formed command of that letter. */
export function anyCommand(letter: string): fc.Arbitrary<MtaCommand> {
  const data = DATA[letter] ?? fc.constant('');
  const before = 'AQK'.includes(letter) ? fc.constant(undefined) : macros;
  return fc
    .tuple(data, before, cuts)
    .map(([bytes, names, places]) => new MtaCommand(letter, bytes, names, places));
}
