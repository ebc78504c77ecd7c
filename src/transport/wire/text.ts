import { isUtf8 } from 'node:buffer';

const REPLACEMENT = '\ufffd';

/**
 * Decodes bytes of the protocol, which has no character set: as UTF-8 where they are that, else as Latin-1. ASCII
 * costs one native call: for a one-byte string the search for the replacement character ends at once.
 */
export function decodeText(data: Buffer, start: number, end: number): string {
  const text = data.toString(undefined, start, end);
  if (text.includes(REPLACEMENT) && !isUtf8(data.subarray(start, end))) {
    return data.toString('latin1', start, end);
  }
  return text;
}

/** Decodes several strings, NULs and all, with one native call; `undefined` where they are not all ASCII. */
export function decodeAscii(data: Buffer, start: number, end: number): string | undefined {
  const text = data.toString(undefined, start, end);
  // Every character beyond ASCII takes more bytes than it has UTF-16 units, and the replacement of a bad byte is two.
  return text.length === end - start && !text.includes(REPLACEMENT) ? text : undefined;
}
