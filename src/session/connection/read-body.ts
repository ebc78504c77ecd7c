import { BodyStore, defaultStore } from '../../spool/body-store.js';
import { finishBody, iteratorOf, toBytes } from '../body-pieces.js';
import { Breath } from '../breath.js';
import { FullPieces } from '../full-pieces.js';
import type { BodySource } from '../modification.js';
import type { Turn } from '../turn.js';

/**
 * Reads a body to its end into a store.
 *
 * Ends early, and finishes the source, when the turn is over: what was read by then is no body. A source that gives one
 * piece after the other without ever waiting leaves the process time for its other work, and for the end of its own.
 *
 * @returns whether that is all of it
 * @throws what the source fails with, AnswerError where it gives what is no piece, BodyFileError (the promise)
 */
export async function readBody(body: BodySource, store: BodyStore, turn: Turn | undefined): Promise<boolean> {
  const pieces = new FullPieces();
  const breath = new Breath();
  const iterator = iteratorOf(body);
  // A source that waits for something is told at once, not at its next piece.
  const forget = turn?.onEnd(() => {
    finishBody(body, iterator);
  });
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
  return !isOver(turn);
}

/** The body of that source as a whole; `undefined` where the turn was over before its end. */
export async function collectBody(source: BodySource, turn: Turn): Promise<BodyStore | undefined> {
  const known = BodyStore.of(source);
  if (known !== undefined) return known;
  const store = new BodyStore(turn.store ?? defaultStore());
  turn.onEnd(() => store.close());
  return (await readBody(source, store, turn)) ? store : undefined;
}

/** Asked in a function of its own: what the compiler knew of it before we waited does not hold any more. */
function isOver(turn: Turn | undefined): boolean {
  return turn?.ended === true;
}
