import { isUtf8 } from 'node:buffer';

const REPLACEMENT = '\ufffd';

/**
 * Decodes bytes of the protocol, which has no character set: as UTF-8 where they are valid UTF-8, else as Latin-1, in
 * which every byte is some character. So nothing is ever replaced by a question mark.
 *
 * The common case (ASCII) costs one native call: a one-byte string cannot hold the replacement character, so looking
 * for it ends at once.
 */
export function decodeText(data: Buffer, start: number, end: number): string {
  const text = data.toString('utf8', start, end);
  if (text.includes(REPLACEMENT) && !isUtf8(data.subarray(start, end))) {
    return data.toString('latin1', start, end);
  }
  return text;
}

/**
 * Decodes several strings at once, NULs and all: one native call instead of one for each. `undefined` where they are
 * not all ASCII, so that places in the text are not places in the data.
 */
export function decodeAscii(data: Buffer, start: number, end: number): string | undefined {
  const text = data.toString('utf8', start, end);
  // Every character beyond ASCII takes more bytes than it has UTF-16 units, and the replacement of a bad byte is two.
  return text.length === end - start && !text.includes(REPLACEMENT) ? text : undefined;
}
