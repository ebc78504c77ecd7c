import type { BodyStore } from '../../spool/body-store.js';
import { USUAL } from '../data-size.js';
import { bodyFrames } from '../encode-modifications.js';
import { FullPieces } from '../full-pieces.js';
import type { Turn } from '../turn.js';
import type { Output } from './output.js';

/** As much is handed to the system at once, and as much is read from a file; it fills frames of the usual size. */
const PIECE = 8 * USUAL;

/**
 * Writes a body that is here as a whole, as frames of the full size, no faster than the peer takes them and otherwise
 * without a pause: a peer that loses its filter between two frames of a body has half a body. The last piece, or a small
 * body as a whole, is left in the output, to go out in one write with what follows on it.
 *
 * Ends early when the turn is over.
 *
 * @throws BodyFileError (the promise) where the body is in a file that cannot be read
 */
export async function writeBody(body: BodyStore | Uint8Array, output: Output, turn: Turn): Promise<void> {
  let unwritten = 0;
  for await (const piece of piecesOf(body)) {
    if (unwritten > 0 && unwritten + piece.length > PIECE) {
      output.flush();
      unwritten = 0;
      if (output.blocked) await output.writable();
    }
    if (turn.ended) return;
    for (const frame of bodyFrames(piece)) output.put(frame);
    unwritten += piece.length;
  }
}

function piecesOf(body: BodyStore | Uint8Array): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) return heldPieces([body]);
  const { pieces } = body;
  return pieces === undefined ? filePieces(body) : heldPieces(pieces);
}

/** Pieces that fill frames, but for the last; an empty one where there is nothing. */
function* heldPieces(held: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  const full = new FullPieces();
  let empty = true;
  for (const one of held) {
    const frames = full.push(one);
    if (frames === undefined) continue;
    empty = false;
    for (let at = 0; at < frames.length; at += PIECE) yield frames.subarray(at, at + PIECE);
  }
  const rest = full.rest();
  if (rest.length > 0 || empty) yield rest;
}

/** While one piece is written the next one is read. */
async function* filePieces(store: BodyStore): AsyncGenerator<Uint8Array, void, undefined> {
  const read = (position: number): Promise<Uint8Array> | undefined => {
    const left = store.size - position;
    if (left <= 0) return undefined;
    const piece = store.read(Math.min(PIECE, left), position);
    // Where the turn is over by then, nothing waits for it.
    piece.catch(() => undefined);
    return piece;
  };
  let next = read(0);
  for (let position = PIECE; next !== undefined; position += PIECE) {
    const piece = await next;
    next = read(position);
    yield piece;
  }
}
