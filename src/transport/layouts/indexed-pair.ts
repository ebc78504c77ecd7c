import type { Layout } from '../layout.js';
import { Malformed } from '../malformed.js';
import { pair, type PairFields } from './pair.js';
import { u32 } from './u32.js';

/** A header field and a number: a position, or which of several of that name. */
export interface IndexedPairFields extends PairFields {
  readonly index: number;
}

/** A u32 and then a pair. */
export const indexedPair: Layout<IndexedPairFields> = {
  doc: 'u32 index, str name, str value',
  decode(data, start, end) {
    if (end - start < 4) throw new Malformed(`the index has ${end - start} bytes instead of 4`);
    return { index: data.readUInt32BE(start), ...pair.decode(data, start + 4, end) };
  },
  encode: (fields) => [u32(fields.index), ...pair.encode(fields)],
};
