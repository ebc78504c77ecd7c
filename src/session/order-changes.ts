import type { WireReply } from '../transport/wire-reply.js';

/** One change to a message, encoded. */
export interface EncodedChange {
  readonly reply: Exclude<WireReply, { readonly type: 'replaceBody' }>;
  readonly frame: Buffer;
}

/**
 * Puts changes in an order in which each means what its filter meant, though an MTA makes them one after the other and
 * counts anew after each: every number counts the headers as the filter was shown them.
 *
 * - Changed values come first and from the lowest: one beyond the last header adds it, and the next then follows on it.
 * - Insertions before the n-th header go from the bottom up, so that none moves the place of another; those at one place
 *   come out in the order in which they were asked for.
 * - Deletions go from the last of a name to the first: Postfix renumbers after each, Sendmail does not. They come after
 *   the insertions, whose places they would move, but for those of a name that is also inserted: a deletion must not
 *   hit the new header.
 * - All else keeps its order.
 */
export function orderChanges(changes: readonly EncodedChange[]): readonly Buffer[] {
  if (changes.length < 2) return changes.map(({ frame }) => frame);
  const groups: { index: number; frame: Buffer }[][] = [[], [], [], [], []];
  const [values = [], early = [], places = [], deletions = [], others = []] = groups;
  const inserted = new Set<string>();
  for (const { reply } of changes) if (isPlaced(reply)) inserted.add(reply.name.toLowerCase());
  for (const { reply, frame } of changes) {
    if (reply.type === 'changeHeader') {
      const { index } = reply;
      if (reply.value !== '' || (reply.raw?.length ?? 0) > 0) values.push({ index, frame });
      else (inserted.has(reply.name.toLowerCase()) ? early : deletions).push({ index, frame });
    } else if (isPlaced(reply)) {
      // The one asked for last goes first, so that the one asked for first ends above it.
      places.unshift({ index: reply.index, frame });
    } else {
      others.push({ index: 0, frame });
    }
  }
  values.sort((left, right) => left.index - right.index);
  for (const group of [early, places, deletions]) group.sort((left, right) => right.index - left.index);
  return groups.flat().map(({ frame }) => frame);
}

/** Whether it goes before a certain header, not to the top or the bottom, which no other change moves. */
function isPlaced(reply: EncodedChange['reply']): reply is Extract<WireReply, { type: 'insertHeader' }> {
  return reply.type === 'insertHeader' && reply.index > 0 && reply.index < BOTTOM;
}

/** Beyond every message; Postfix takes it up to one below the greatest signed integer. */
export const BOTTOM = 0x7ffffffe;
