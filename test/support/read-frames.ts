import { FrameReader } from '../../src/transport/wire/frame-reader.js';

/** A frame as it came out of a `FrameReader`, its data copied. */
export interface ReadFrame {
  readonly letter: string;
  readonly data: string;
  /** Where it began; a streamed frame does not tell. */
  readonly offset?: number;
}

export interface ReadOptions {
  readonly known: Uint8Array;
  readonly maxData?: number;
  /** The letter of the frames that are passed on in parts; here the parts are joined again. */
  readonly streamed?: string;
}

/** Feeds chunks to a `FrameReader`, ends the stream, and returns the frames that came out; data as Latin-1. */
export function readFrames(chunks: readonly Buffer[], options: ReadOptions): ReadFrame[] {
  const found: ReadFrame[] = [];
  let parts = '';
  const reader = new FrameReader(
    {
      frame: (letter, data, start, end, offset) => {
        found.push({
          letter: String.fromCharCode(letter),
          data: data.toString('latin1', start, end),
          offset,
        });
      },
      part: (data, start, end, last) => {
        parts += data.toString('latin1', start, end);
        if (!last) return;
        found.push({ letter: options.streamed ?? '', data: parts });
        parts = '';
      },
    },
    options.known,
    options.maxData ?? 65535,
    options.streamed ?? '',
  );
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return found;
}

/** The bytes cut at these places; places beyond the end count from the start again. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    chunks.push(Buffer.from(bytes.subarray(from, place)));
    from = place;
  }
  return chunks;
}

/** The bytes one by one. */
export function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (byte) => Buffer.of(byte));
}
