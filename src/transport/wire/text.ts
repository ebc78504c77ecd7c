import { isUtf8 } from 'node:buffer';

import { mayUseInternals } from '../../common/node-internals.js';

const REPLACEMENT = '\ufffd';

type Slice = (this: Buffer, start: number, end: number) => string;

/** `toString()` without a look at its arguments, which costs a fifth of it. */
const { utf8Slice } = Buffer.prototype as { readonly utf8Slice?: Slice };

/** Decodes UTF-8; bytes that are not become the replacement character. */
export const decodeUtf8: (data: Buffer, start: number, end: number) => string =
  mayUseInternals && typeof utf8Slice === 'function'
    ? (data, start, end) => utf8Slice.call(data, start, end)
    : (data, start, end) => data.toString('utf8', start, end);

/**
 * Decodes bytes of the protocol, which has no character set: as UTF-8 where they are that, else as Latin-1. ASCII
 * costs one native call: for a one-byte string the search for the replacement character ends at once.
 */
export function decodeText(data: Buffer, start: number, end: number): string {
  const text = decodeUtf8(data, start, end);
  if (text.includes(REPLACEMENT) && !isUtf8(data.subarray(start, end))) {
    return data.toString('latin1', start, end);
  }
  return text;
}

/** Decodes several strings, NULs and all, with one native call; `undefined` where they are not all ASCII. */
export function decodeAscii(data: Buffer, start: number, end: number): string | undefined {
  const text = decodeUtf8(data, start, end);
  // Every character beyond ASCII takes more bytes than it has UTF-16 units, and the replacement of a bad byte is two.
  return text.length === end - start && !text.includes(REPLACEMENT) ? text : undefined;
}
