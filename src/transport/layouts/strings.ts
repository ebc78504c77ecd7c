import type { Layout, Piece } from '../layout.js';
import { decodeAscii, decodeText } from '../text.js';
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
    // The usual case, all ASCII, is decoded at once and then divided.
    const text = data[end - 1] === 0 ? decodeAscii(data, start, end - 1) : undefined;
    if (text !== undefined) {
      const first = text.indexOf('\0');
      if (first === -1) return { address: text, args: NO_ARGS, raw: data.subarray(start, end - 1) };
      const rest = text.slice(first + 1).split('\0');
      return { address: text.slice(0, first), args: rest, raw: data.subarray(start, start + first) };
    }
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
