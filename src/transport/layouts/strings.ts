import { decodeText } from '../text.js';
import type { Layout, Piece } from '../layout.js';
import { NUL, findNul } from './nul.js';

/** An address and what came with it. */
export interface StringsFields {
  readonly address: string;
  /** The ESMTP arguments. As an event each is a string of its own; as a reply all of them are one string. */
  readonly args: readonly string[];
  /** The bytes that `address` was decoded from. Where given, they and not `address` are written. */
  readonly raw?: Uint8Array;
}

const NO_ARGS: readonly string[] = Object.freeze([]);

/** One string or more, each with its NUL. */
export const strings: Layout<StringsFields> = {
  doc: 'str address, str arg...',
  decode(data, start, end) {
    const nul = findNul(data, start, end, 'the address');
    const raw = data.subarray(start, nul);
    const address = decodeText(data, start, nul);
    if (nul === end - 1) return { address, args: NO_ARGS, raw };
    const args: string[] = [];
    for (let at = nul + 1; at < end;) {
      const stop = findNul(data, at, end, 'an argument');
      args.push(decodeText(data, at, stop));
      at = stop + 1;
    }
    return { address, args, raw };
  },
  encode(fields) {
    const pieces: Piece[] = [fields.raw ?? fields.address, NUL];
    for (const arg of fields.args) pieces.push(arg, NUL);
    return pieces;
  },
};
