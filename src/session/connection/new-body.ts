import { ignoreRejection } from '../../common/promises.js';
import { BodyStore, DEFAULT_STORE } from '../../spool/body-store.js';
import { Breath } from '../breath.js';
import { bodyFrames } from '../changes/encode-modifications.js';
import { AnswerError } from '../errors.js';
import type { BodySource } from '../modifications.js';
import { USUAL } from '../negotiation/terms.js';
import type { Turn } from '../turn.js';
import type { Output } from './output.js';

/** Reads a body that a filter has answered with, piece by piece. */
export function iteratorOf(body: BodySource): AsyncIterator<unknown> | Iterator<unknown> {
  if (typeof body === 'string' || body instanceof Uint8Array) return [body][Symbol.iterator]();
  listenForErrors(body);
  return Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
}

/** A piece as bytes: a copy, since a source may read its next piece into the same buffer. */
export function toBytes(piece: unknown): Buffer {
  if (typeof piece === 'string') return Buffer.from(piece);
  if (piece instanceof Uint8Array) return Buffer.from(piece);
  throw new AnswerError(`replaceBody: the source gave ${typeof piece} instead of text or bytes.`);
}

export function finishBody(body: BodySource, iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  try {
    ignoreRejection(iterator.return?.());
  } catch (error) {
    ignoreRejection(error);
  }
  // A Node stream finishes its iterator only at its next piece; destroying it is what frees its file or socket.
  if (typeof body === 'object') destroyBody(body);
}

/** Frees what a body holds. A failure of that, at once or in a promise, must not end the process. */
export function destroyBody(body: object): void {
  try {
    const { destroy } = body as { readonly destroy?: unknown };
    if (typeof destroy === 'function') ignoreRejection(Reflect.apply(destroy, body, []));
  } catch (error) {
    ignoreRejection(error);
  }
}

/** A stream that fails when it is not read must not end the process, as an unheard error event does. */
export function listenForErrors(body: object): void {
  try {
    const { on } = body as { readonly on?: unknown };
    if (typeof on === 'function') Reflect.apply(on, body, ['error', () => undefined]);
  } catch {
    // It is no emitter of Node's; its reader gets to know what it fails with.
  }
}

/** Makes pieces that fill frames of the usual size out of pieces of any size. */
export class FullPieces {
  #gathered: Uint8Array[] = [];
  #bytes = 0;

  /** Takes a piece; gives what fills one frame or several, where there is enough for that. */
  push(piece: Uint8Array): Uint8Array | undefined {
    if (piece.length === 0) return undefined;
    this.#gathered.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < USUAL) return undefined;
    const whole = this.rest();
    const left = whole.length % USUAL;
    if (left === 0) return whole;
    this.#gathered.push(whole.subarray(whole.length - left));
    this.#bytes = left;
    return whole.subarray(0, whole.length - left);
  }

  rest(): Uint8Array {
    const [only, ...more] = this.#gathered;
    const all = only !== undefined && more.length === 0 ? only : Buffer.concat(this.#gathered, this.#bytes);
    this.#gathered = [];
    this.#bytes = 0;
    return all;
  }
}

/**
 * Reads a body to its end into a store, and says whether that is all of it. Finishes the source early when the turn
 * is over. Throws what the source fails with, an `AnswerError` for what is no piece, or a `BodyFileError`.
 */
export async function readBody(body: BodySource, store: BodyStore, turn: Turn | undefined): Promise<boolean> {
  const pieces = new FullPieces();
  const breath = new Breath();
  const iterator = iteratorOf(body);
  // A source that waits for something ends at once, not at its next piece.
  const forget = turn?.onEnd(() => finishBody(body, iterator));
  for (;;) {
    const result = await iterator.next();
    if (isOver(turn)) return false;
    if (result.done === true) break;
    const full = pieces.push(toBytes(result.value));
    if (full !== undefined) await store.push(full);
    await breath.pause();
    if (isOver(turn)) return false;
  }
  forget?.();
  await store.push(pieces.rest());
  await store.settled();
  return !isOver(turn);
}

/** The body of that source as a whole; `undefined` where the turn was over before its end. */
export async function collectBody(source: BodySource, turn: Turn): Promise<BodyStore | undefined> {
  const known = BodyStore.of(source);
  if (known !== undefined) return known;
  const store = new BodyStore(turn.store ?? DEFAULT_STORE);
  turn.onEnd(() => store.close());
  return (await readBody(source, store, turn)) ? store : undefined;
}

/** A function of its own: what the compiler knew of the turn before we waited does not hold any more. */
function isOver(turn: Turn | undefined): boolean {
  return turn?.ended === true;
}

/** So much is handed to the system at once, and read from a file; it fills frames of the usual size. */
const PIECE = 8 * USUAL;

/**
 * Writes a body that is here as a whole, no faster than the peer takes it and otherwise without a pause: a peer that
 * loses its filter between two frames has half a body. The last piece is left in the output, to go out with what
 * follows. Throws a `BodyFileError` where the file of the body cannot be read.
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
  return body.pieces === undefined ? filePieces(body) : heldPieces(body.pieces);
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
