import { ignoreRejection } from '../common/promises.js';
import { AnswerError } from './answer-error.js';
import type { BodySource } from './modification.js';

/** What reads a body that a filter has answered with, piece by piece. */
export function iteratorOf(body: BodySource): AsyncIterator<unknown> | Iterator<unknown> {
  if (typeof body === 'string' || body instanceof Uint8Array) return [body][Symbol.iterator]();
  listenForErrors(body);
  return Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
}

/** A piece as bytes: a copy, since it is kept, and a source may read its next piece into the same buffer. */
export function toBytes(piece: unknown): Buffer {
  if (typeof piece === 'string') return Buffer.from(piece);
  if (piece instanceof Uint8Array) return Buffer.from(piece);
  throw new AnswerError(`replaceBody: the source gave ${typeof piece} instead of text or bytes.`);
}

/** Tells a source that nobody wants more of it. What it makes of that is of no consequence any more. */
export function finishBody(body: BodySource, iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  try {
    ignoreRejection(iterator.return?.());
  } catch (error) {
    ignoreRejection(error);
  }
  // A Node stream finishes its iterator only at its next piece; destroying it is what frees its file or socket.
  if (typeof body === 'object') destroyBody(body);
}

/**
 * Frees what a body holds. What it makes of that, at once or in a promise, is of no consequence any more, and must not
 * end the process.
 */
export function destroyBody(body: object): void {
  try {
    const { destroy } = body as { readonly destroy?: unknown };
    if (typeof destroy === 'function') ignoreRejection(Reflect.apply(destroy, body, []));
  } catch (error) {
    ignoreRejection(error);
  }
}

/** A stream that fails when it is not read must not end the process, as an error does that no code listens to. */
export function listenForErrors(body: object): void {
  try {
    const { on } = body as { readonly on?: unknown };
    if (typeof on === 'function') Reflect.apply(on, body, ['error', () => undefined]);
  } catch {
    // It is no emitter of Node's; whoever reads it gets to know what it fails with.
  }
}
