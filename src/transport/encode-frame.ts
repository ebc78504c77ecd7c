import type { Piece } from './layout.js';

/** One frame: length, letter and the pieces, in one buffer. */
export function encodeFrame(letter: string, pieces: readonly Piece[]): Buffer {
  let length = 1;
  for (const piece of pieces) length += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
  const out = Buffer.allocUnsafe(4 + length);
  out.writeUInt32BE(length, 0);
  out[4] = letter.charCodeAt(0);
  let at = 5;
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      at += out.write(piece, at);
    } else {
      out.set(piece, at);
      at += piece.length;
    }
  }
  return out;
}
