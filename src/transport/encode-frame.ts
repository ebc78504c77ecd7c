import type { Piece } from './layout.js';

/** Frames are written here first: that is cheaper than to ask each string for its length beforehand. */
const SCRATCH = Buffer.allocUnsafeSlow(4096);
/** The most bytes that a UTF-16 unit can become. */
const MAX_UTF8 = 3;

/** One frame: length, letter and the pieces, in one buffer. */
export function encodeFrame(letter: string, pieces: readonly Piece[]): Buffer {
  let most = 5;
  for (const piece of pieces) most += typeof piece === 'string' ? MAX_UTF8 * piece.length : piece.length;
  if (most > SCRATCH.length) return fill(Buffer.allocUnsafe(sizeOf(pieces)), letter, pieces);
  return Buffer.from(fill(SCRATCH, letter, pieces));
}

function sizeOf(pieces: readonly Piece[]): number {
  let size = 5;
  for (const piece of pieces) size += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
  return size;
}

/** Writes the frame at the beginning of `out` and gives that part of it. */
function fill(out: Buffer, letter: string, pieces: readonly Piece[]): Buffer {
  let at = 5;
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      if (piece !== '') at += out.write(piece, at);
    } else if (piece.length === 1) {
      out[at++] = piece[0] ?? 0;
    } else {
      out.set(piece, at);
      at += piece.length;
    }
  }
  out.writeUInt32BE(at - 4, 0);
  out[4] = letter.charCodeAt(0);
  return at === out.length ? out : out.subarray(0, at);
}
