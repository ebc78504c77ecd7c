import fc from 'fast-check';

import { frame } from '../../support/session-frames.js';
import { LETTERS, anyCommand } from './mta-command.js';

/** One thing that goes wrong with bytes on their way. */
type Mutation = (bytes: Buffer) => Buffer;

const EACH = Array.from(LETTERS);
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (bytes: Buffer, where: number): number => Math.floor(where * bytes.length);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  // A bit flips; in a head that is another length or letter.
  fc.tuple(place, fc.nat(7)).map(([where, bit]): Mutation => (bytes) => {
    const changed = Buffer.from(bytes);
    const index = at(bytes, where);
    changed[index] = (changed[index] ?? 0) ^ (1 << bit);
    return changed;
  }),
  // A byte is another one, often one that means something.
  fc
    .tuple(place, fc.constantFrom(0, 1, 10, 13, 37, 65, 66, 79, 81, 90, 255))
    .map(([where, byte]): Mutation => (bytes) => {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at(bytes, where)] = byte;
      return changed;
    }),
  // The end is missing, or a piece in the middle.
  place.map(
    (where): Mutation =>
      (bytes) =>
        bytes.subarray(0, at(bytes, where)),
  ),
  fc.tuple(place, fc.nat(6)).map(([where, size]): Mutation => (bytes) => {
    const from = at(bytes, where);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + size)]);
  }),
  // Something comes twice, or out of nowhere.
  fc.tuple(place, place).map(([from, to]): Mutation => (bytes) => {
    const [start, end] = [at(bytes, Math.min(from, to)), at(bytes, Math.max(from, to))];
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  }),
  fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 6 })).map(([where, more]): Mutation => (bytes) => {
    const index = at(bytes, where);
    return Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)]);
  }),
);

/** A frame whose length says something else than its data. */
const lying = fc
  .tuple(
    fc.constantFrom(...EACH, 'O', 'Z', '\0', '\xff'),
    fc.uint8Array({ maxLength: 8 }),
    fc.constantFrom(0, 1, 2, 65_535, 65_536, 65_537, 0x7fffffff, 0x80000000, 0xffffffff),
  )
  .map(([letter, data, length]) => {
    const bytes = frame(letter, data);
    bytes.writeUInt32BE(length);
    return bytes;
  });
/** A frame with data that its letter may not have. */
const misfit = fc
  .tuple(fc.constantFrom(...EACH, 'O'), fc.uint8Array({ maxLength: 12 }))
  .map(([letter, data]) => frame(letter, data));
const piece = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...EACH)
      .chain(anyCommand)
      .map(({ bytes }) => bytes),
  },
  { weight: 1, arbitrary: lying },
  { weight: 2, arbitrary: misfit },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
);

/** What arrives, and in which pieces. */
export class Stream {
  readonly bytes: Buffer;
  readonly #cuts: readonly number[];

  constructor(bytes: Buffer, cuts: readonly number[]) {
    this.bytes = bytes;
    this.#cuts = cuts;
  }

  get chunks(): Buffer[] {
    const places = this.#cuts.map((where) => at(this.bytes, where)).sort((left, right) => left - right);
    const ends = [...places, this.bytes.length];
    return ends
      .map((end, index) => this.bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
      .filter(({ length }) => length > 0);
  }

  toString(): string {
    return this.chunks
      .map((chunk) =>
        chunk.length > 400
          ? `${chunk.toString('hex', 0, 40)}… (${chunk.length} bytes)`
          : chunk.toString('hex'),
      )
      .join(' | ');
  }
}

/** Commands with things gone wrong in them, or nothing but bytes. */
export const anyStream: fc.Arbitrary<Stream> = fc
  .tuple(
    fc.array(piece, { minLength: 1, maxLength: 12 }),
    fc.array(mutation, { maxLength: 3 }),
    fc.array(place, { maxLength: 6 }),
  )
  .map(([pieces, mutations, cuts]) => {
    const whole: Buffer = Buffer.concat(pieces);
    return new Stream(
      mutations.reduce<Buffer>((bytes, mutate) => mutate(bytes), whole),
      cuts,
    );
  });
