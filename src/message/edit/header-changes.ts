import { SAME_NAME } from '../../session/changes/order-changes.js';
import { type Places, placesIn } from '../../session/changes/places-in.js';
import {
  type Modification,
  addHeader,
  changeHeader,
  deleteHeader,
  insertHeader,
} from '../../session/modifications.js';
import { isMade } from '../../session/profiles/recognise.js';
import { asText, type HeaderField } from '../headers/header-field.js';
import { alignFields, isSame } from './align-fields.js';

const BLANK = 0x20;

/**
 * The fewest modifications that turn one header into another, on every MTA.
 *
 * A field with the same name, in the same spelling, and another value is changed, unless the new value is empty, which to
 * an MTA means deletion. What has moved or is spelled differently is deleted and made anew: Sendmail keeps the spelling of
 * a changed header, Postfix does not.
 *
 * @param from the header as the filter was shown it: what the numbers of the modifications count
 * @param to the header that is wanted; all down to the last field with `top` goes above the MTA's own `Received`
 * @param leadingSpace whether values begin with the blank after the colon; a value of that blank alone is empty, too
 * @throws AnswerError where a field, or the name of one that is to be deleted, cannot be written
 */
export function headerChanges(
  from: readonly HeaderField[],
  to: readonly HeaderField[],
  leadingSpace: boolean,
): Modification[] {
  const isWritable = ({ raw }: HeaderField): boolean =>
    raw.length > 1 || (raw.length === 1 && !(leadingSpace && raw[0] === BLANK));
  const above = to.reduce((lowest, { top }, at) => (top === true ? at + 1 : lowest), 0);
  const rest = above === 0 ? to : to.slice(above);
  const { head, tail, pairs } = alignFields(from, rest, isWritable);
  let places: Places | undefined;
  const placesOf = ({ name }: HeaderField): readonly number[] =>
    (places ??= placesIn(from.map((field) => field.name)))(name);
  const numberOf = (field: HeaderField, place: number): number => placesOf(field).indexOf(place) + 1;
  /** Notes how many of its name are among the first so many that were shown. */
  const known = <M extends Modification>(change: M, field: HeaderField, first: number): M => {
    const all = placesOf(field);
    SAME_NAME.set(change, { above: all.filter((place) => place < first).length, shown: all.length });
    return change;
  };

  const changes: Modification[] = [];
  // Each of them is put above everything, so the lowest comes first.
  for (const field of to.slice(0, above).reverse()) {
    changes.push(known(insertHeader('top', field.name, asText(field.raw)), field, 0));
  }
  let [below, next] = [head, head];
  const end = { from: from.length - tail, to: rest.length - tail };
  for (let number = 0; number <= pairs.length; number++) {
    const pair = pairs[number] ?? end;
    for (const [at, field] of from.slice(below, pair.from).entries()) {
      changes.push(deleteHeader(field.name, numberOf(field, below + at)));
    }
    // All places above the first field that stays are the same, since the fields there are deleted; 1 is always right.
    const place = head + number === 0 ? 1 : pair.from + 1;
    for (const field of rest.slice(next, pair.to)) {
      const value = asText(field.raw);
      if (number < pairs.length || tail > 0) {
        changes.push(known(insertHeader(place, field.name, value), field, place - 1));
      } else {
        const added = addHeader(field.name, value);
        changes.push(isMade(field.name) ? known(added, field, Infinity) : added);
      }
    }
    const [old, wanted] = [from[pair.from], rest[pair.to]];
    if (old !== undefined && wanted !== undefined && !isSame(old, wanted)) {
      changes.push(changeHeader(wanted.name, asText(wanted.raw), numberOf(old, pair.from)));
    }
    [below, next] = [pair.from + 1, pair.to + 1];
  }
  return changes;
}
