import { Readable } from 'node:stream';

import { CALM, calmReadable } from './calm-readable.js';
import type { HeaderField } from './header-field.js';

const END = Buffer.from('\r\n');

/** A header as it stands in a message: lines ended by CRLF, without the empty line after it. */
export function headerBytes(fields: Iterable<HeaderField>, leadingSpace: boolean): Buffer {
  const pieces: Uint8Array[] = [];
  for (const { name, raw } of fields) {
    const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
    // A folded value has a single LF between its lines, which is what an MTA writes as a line end.
    const lines = bytes.includes(0x0a)
      ? Buffer.from(bytes.toString('latin1').replace(/\r?\n/g, '\r\n'), 'latin1')
      : bytes;
    pieces.push(Buffer.from(leadingSpace ? `${name}:` : `${name}: `), lines, END);
  }
  return Buffer.concat(pieces);
}

/** A message as one stream of bytes; `failed` is told of a listener that throws. */
export function sourceOf(
  fields: Iterable<HeaderField>,
  leadingSpace: boolean,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  failed: (reason: unknown) => void,
): Readable {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield Buffer.concat([headerBytes(fields, leadingSpace), END]);
    yield* body;
  }
  return calmReadable(Readable.from(pieces(), { objectMode: false, ...CALM }), failed);
}
