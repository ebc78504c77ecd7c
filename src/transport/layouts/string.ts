import type { Layout } from '../layout.js';
import { Malformed } from '../malformed.js';
import { decodeText } from '../text.js';
import { NUL, findNul } from './nul.js';

/** One string. */
export interface StringFields {
  readonly text: string;
  /** The bytes that `text` was decoded from. Where given, they and not `text` are written. */
  readonly raw?: Uint8Array;
}

/** Exactly one string with its NUL. */
export const string: Layout<StringFields> = {
  doc: 'str text',
  decode(data, start, end) {
    const nul = findNul(data, start, end, 'the string');
    if (nul !== end - 1) throw new Malformed(`${end - 1 - nul} bytes after the string`);
    return { text: decodeText(data, start, nul), raw: data.subarray(start, nul) };
  },
  encode: (fields) => [fields.raw ?? fields.text, NUL],
};
