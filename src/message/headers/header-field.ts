import { isUtf8 } from 'node:buffer';

import type { Text } from '../../session/modifications.js';
import { decodeText } from '../../transport/wire/text.js';

/** One field of a message's header. */
export interface HeaderField {
  readonly name: string;
  /** What follows the colon and one blank, as text; folded lines are divided by a single LF. */
  readonly value: string;
  /** The same as bytes; with the option `leadingSpace` all that follows the colon, its blank included. */
  readonly raw: Uint8Array;
  /** Whether it belongs above everything, the MTA's own `Received` included. Only fields that a filter has made do. */
  readonly top?: true;
}

const BLANK = 0x20;

/**
 * A field of the value that a filter writes, or has been shown.
 *
 * @param leadingSpace whether the value begins with the blank after the colon, which is not to be seen
 */
export function headerField(name: string, given: Text, leadingSpace: boolean): HeaderField {
  const raw = typeof given === 'string' ? Buffer.from(given) : given;
  if (typeof given === 'string' && raw.length === given.length) {
    // All ASCII: the text is what the bytes say.
    return { name, value: leadingSpace && given.startsWith(' ') ? given.slice(1) : given, raw };
  }
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const start = leadingSpace && bytes[0] === BLANK ? 1 : 0;
  return { name, value: decodeText(bytes, start, bytes.length), raw };
}

/** The value of a field as a modification has it: text where that gives the same bytes. */
export function asText(raw: Uint8Array): Text {
  return isUtf8(raw) ? Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString() : raw;
}

/** A header as it stands in a message: lines ended by CRLF, without the empty line after it. */
export function headerBytes(fields: Iterable<HeaderField>, leadingSpace: boolean): Buffer {
  const pieces: Uint8Array[] = [];
  for (const { name, raw } of fields) {
    const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
    // A folded value has a single LF between its lines, which is what an MTA writes as a line end.
    const lines = bytes.includes(0x0a)
      ? Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1')
      : bytes;
    pieces.push(Buffer.from(leadingSpace ? `${name}:` : `${name}: `), lines, Buffer.from('\r\n'));
  }
  return Buffer.concat(pieces);
}

/** A folded value in one line (RFC 5322, 2.2.3): the line breaks go, the white space after them stays. */
export function unfold(value: string): string {
  return value.includes('\n') ? value.replace(/\r?\n/g, '') : value;
}
