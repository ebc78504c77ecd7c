import { replyCodec, type WireReply } from '../../transport/wire/replies.js';
import type { Modification } from '../modifications.js';

/** How many headers of its own name a new header has among those that the filter was shown. */
export interface SameName {
  /** Those above its place. */
  readonly above: number;
  /** All of them. */
  readonly shown: number;
}

/**
 * What is known of new headers that come of comparing two headers as wholes. It stands beside the modifications, so
 * that these stay plain objects.
 */
export const SAME_NAME = new WeakMap<Modification, SameName>();

/** One change to a message, encoded. */
export interface EncodedChange {
  readonly reply: Exclude<WireReply, { readonly type: 'replaceBody' }>;
  readonly frame: Buffer;
  readonly sameName?: SameName | undefined;
}

/**
 * Puts changes in an order in which each means what its filter meant, though an MTA counts anew after each: every
 * number counts the headers as the filter was shown them.
 *
 * - Changed values come first and from the lowest: one beyond the last header adds it, and the next follows on it.
 * - Insertions before the n-th header go from the bottom up; those at one place keep their order.
 * - Deletions go from the last of a name to the first (Postfix renumbers after each, Sendmail does not), after the
 *   insertions, whose places they would move. A header inserted above one of its name is counted by then; where that
 *   is not known, the deletions of that name go first.
 * - A second deletion of a header, which in Postfix would hit the next one, is left out.
 */
export function orderChanges(changes: readonly EncodedChange[]): readonly Buffer[] {
  if (changes.length < 2) return changes.map(({ frame }) => frame);
  const values: Placed[] = [];
  const early: Placed[] = [];
  const places: Placed[] = [];
  const deletions: Placed[] = [];
  const others: Placed[] = [];
  let inserted: ReturnType<typeof insertedAbove> | undefined;
  const deleted = new Set<string>();
  for (const { reply, frame } of changes) {
    if (reply.type === 'changeHeader') {
      const { index } = reply;
      const name = reply.name.toLowerCase();
      if (reply.value !== '' || (reply.raw?.length ?? 0) > 0) {
        values.push({ index, frame });
      } else if (!deleted.has(`${name}:${index}`)) {
        deleted.add(`${name}:${index}`);
        inserted ??= insertedAbove(changes);
        const above = inserted.get(name);
        if (above === 'unknown') early.push({ index, frame });
        else deletions.push(above === undefined ? { index, frame } : below(reply, above));
      }
    } else if (isPlaced(reply)) {
      // The one asked for last goes first, so that the one asked for first ends above it.
      places.unshift({ index: reply.index, frame });
    } else {
      others.push({ index: 0, frame });
    }
  }
  if (values.length > 1) values.sort((left, right) => left.index - right.index);
  for (const group of [early, places, deletions])
    if (group.length > 1) group.sort((left, right) => right.index - left.index);
  const frames: Buffer[] = [];
  for (const group of [values, early, places, deletions, others])
    for (const { frame } of group) frames.push(frame);
  return frames;
}

/** A frame, and the number that its group is sorted by. */
interface Placed {
  readonly index: number;
  readonly frame: Buffer;
}

/** For each name that is inserted: how many of that name are above each new one, where that is known of all of them. */
function insertedAbove(changes: readonly EncodedChange[]): Map<string, number[] | 'unknown'> {
  const inserted = new Map<string, number[] | 'unknown'>();
  for (const { reply, sameName } of changes) {
    if (!isPlaced(reply)) continue;
    const name = reply.name.toLowerCase();
    const others = inserted.get(name);
    if (sameName === undefined) inserted.set(name, 'unknown');
    else if (others === undefined) inserted.set(name, [sameName.above]);
    else if (others !== 'unknown') others.push(sameName.above);
  }
  return inserted;
}

/** The deletion of a header when those of its name are inserted that have so many of the old ones above them. */
function below(reply: ChangeReply, above: readonly number[]): Placed {
  const index = reply.index + above.filter((count) => count < reply.index).length;
  return { index, frame: replyCodec.encode({ ...reply, index }) };
}

type ChangeReply = Extract<WireReply, { type: 'changeHeader' }>;

/** Whether it goes before a certain header, not to the top or the bottom, which no other change moves. */
function isPlaced(reply: EncodedChange['reply']): reply is Extract<WireReply, { type: 'insertHeader' }> {
  return reply.type === 'insertHeader' && reply.index > 0 && reply.index < BOTTOM;
}

/** Beyond every message; Postfix takes it up to one below the greatest signed integer. */
export const BOTTOM = 0x7ffffffe;
