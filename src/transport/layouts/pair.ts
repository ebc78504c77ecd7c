import type { Layout } from '../layout.js';
import { Malformed } from '../malformed.js';
import { decodeAscii, decodeText } from '../text.js';
import { NUL, findNul } from './nul.js';

/** A header field. */
export interface PairFields {
  readonly name: string;
  readonly value: string;
  /** The bytes that `value` was decoded from. Where given, they and not `value` are written. */
  readonly raw?: Uint8Array;
}

/** Exactly two strings, the first of them not empty. */
export const pair: Layout<PairFields> = {
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
    const nul = findNul(data, colon + 1, end, 'the header value');
    if (nul !== end - 1) throw new Malformed(`${end - 1 - nul} bytes after the header value`);
    return {
      name: decodeText(data, start, colon),
      value: decodeText(data, colon + 1, nul),
      raw: data.subarray(colon + 1, nul),
    };
  },
  encode: (fields) => [fields.name, NUL, fields.raw ?? fields.value, NUL],
};
