import { flawed, flawOf } from '../flaws.js';
import type { AddHeader, InsertHeader, Modification } from '../modifications.js';
import type { MessageScope } from '../turn.js';
import { BOTTOM, SAME_NAME, type SameName } from './order-changes.js';
import { placesIn } from './places-in.js';

/**
 * The same modifications in an order for a mail server that puts each new header above all others: the lowest comes
 * first. Those that it can put before one of the same name (`countsName`) stay where they are.
 *
 * @param shown the names of the headers that the filter was shown
 */
export function fromTheLowest(
  modifications: readonly Modification[],
  shown: readonly string[],
  countsName: boolean,
  message: MessageScope | undefined,
): readonly Modification[] {
  const places = placesIn(shown);
  const rest: Modification[] = [];
  const added: AddHeader[] = [];
  const lowest: InsertHeader[] = [];
  const placed: (InsertHeader & { readonly position: number })[] = [];
  const highest: InsertHeader[] = [];
  for (const one of modifications) {
    if (one.kind === 'addHeader') added.push(one);
    else if (one.kind !== 'insertHeader') rest.push(one);
    else if (one.position === 'top') highest.push(one);
    else if (one.position === 'bottom' || one.position >= BOTTOM) lowest.push(one);
    else {
      const { position } = one;
      const known = SAME_NAME.get(one) ?? sameNameIn(places(one.name), position);
      // A copy: what is given may be given again, for another message.
      const copy = flawed({ ...one, position }, flawOf(one));
      const giver = message?.giverOf(one);
      if (giver !== undefined) message?.givenBy(giver, copy);
      SAME_NAME.set(copy, known);
      if (countsName && known.above < known.shown) rest.push(copy);
      else placed.push(copy);
    }
  }
  placed.sort((one, other) => one.position - other.position);
  return [...rest, ...[...placed, ...lowest, ...added].reverse(), ...highest];
}

/** @param position from 1, of the new header */
function sameNameIn(places: readonly number[], position: number): SameName {
  return { above: places.filter((at) => at + 1 < position).length, shown: places.length };
}
