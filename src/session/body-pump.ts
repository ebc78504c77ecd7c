import { finishBody, iteratorOf, toBytes } from './body-pieces.js';
import { USUAL } from './data-size.js';
import { bodyFrames } from './encode-modifications.js';
import type { BodySource } from './modification.js';
import type { Output } from './output.js';
import type { Turn } from './turn.js';

/**
 * Writes a body that comes piece by piece, as frames of the full size, no faster than the peer takes them.
 *
 * Ends early, and finishes the source, when the turn is over. Rejects with what the source failed with.
 *
 * @param started called once, just before the first frame: from then on nothing else may be written
 */
export async function pumpBody(
  body: BodySource,
  output: Output,
  turn: Turn,
  started: () => void,
): Promise<void> {
  let gathered: Buffer[] = [];
  let bytes = 0;
  let writes = 0;
  const put = async (data: Uint8Array): Promise<void> => {
    if (writes++ === 0) started();
    for (const frame of bodyFrames(data)) output.put(frame);
    output.flush();
    await output.writable();
  };
  const iterator = iteratorOf(body);
  // A source that waits for something is told at once, not at its next piece.
  const forget = turn.onEnd(() => {
    finishBody(body, iterator);
  });
  for (;;) {
    const result = await iterator.next();
    if (isOver(turn)) return;
    if (result.done === true) break;
    const piece = toBytes(result.value);
    gathered.push(piece);
    bytes += piece.length;
    if (bytes >= USUAL) {
      const whole = Buffer.concat(gathered, bytes);
      const rest = bytes % USUAL;
      gathered = rest === 0 ? [] : [whole.subarray(bytes - rest)];
      await put(whole.subarray(0, bytes - rest));
      bytes = rest;
      if (isOver(turn)) return;
    }
  }
  forget();
  if (bytes > 0 || writes === 0) await put(Buffer.concat(gathered, bytes));
}

/** Asked in a function of its own: what the compiler knew of it before we waited does not hold any more. */
function isOver(turn: Turn): boolean {
  return turn.ended;
}
