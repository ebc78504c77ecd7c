import {
  type Modification,
  type Text,
  addHeader,
  changeHeader,
  deleteHeader,
  insertHeader,
} from '../session/modifications.js';
import { SAME_NAME } from '../session/changes/order-changes.js';
import { type Pair, alignFields, isSame } from './align-fields.js';
import { type HeaderField, asText } from './header-field.js';

/**
 * The fewest modifications that turn one header into another, on every MTA.
 *
 * A field that is there with the same name, in the same spelling, and the same bytes is kept. One with the same name and
 * another value is changed, unless the new value is empty, which to an MTA means deletion. What has moved or is spelled
 * differently is deleted and made anew: Sendmail keeps the spelling of a changed header, Postfix does not.
 *
 * @param from the header as the filter was shown it: what the numbers of the modifications count
 * @param to the header that is wanted; all down to the last field with `top` goes above the MTA's own `Received`
 * @param leadingSpace whether values begin with the blank after the colon; one that is only that is empty, too, since
 *   an MTA that does not give the blank away is not told it
 * @throws AnswerError where a field that has to be written is malformed, or one that has to be deleted has a name that
 *   cannot be written
 */
export function headerChanges(
  from: readonly HeaderField[],
  to: readonly HeaderField[],
  leadingSpace: boolean,
): Modification[] {
  const isWritable = ({ raw }: HeaderField): boolean =>
    raw.length > 1 || (raw.length === 1 && !(leadingSpace && raw[0] === BLANK));
  const above = to.reduce((lowest, { top }, at) => (top === true ? at + 1 : lowest), 0);
  const rest = to.slice(above);
  const pairs = alignFields(from, rest, isWritable);

  const shown = new Numbers(from);
  const changes: Modification[] = [];
  // Each of them is put above everything, so the lowest comes first.
  for (const field of to.slice(0, above).reverse()) {
    changes.push(known(insertHeader('top', field.name, textOf(field)), field, 0, shown));
  }
  let [below, next] = [0, 0];
  for (let number = 0; number <= pairs.length; number++) {
    const pair = pairs[number] ?? { from: from.length, to: rest.length };
    for (let place = below; place < pair.from; place++) {
      changes.push(deleteHeader(from[place]?.name ?? '', shown.of(place)));
    }
    for (let place = next; place < pair.to; place++) {
      const field = rest[place];
      if (field !== undefined) changes.push(newField(field, number, pairs, shown));
    }
    const [old, wanted] = [from[pair.from], rest[pair.to]];
    if (old !== undefined && wanted !== undefined && !isSame(old, wanted)) {
      changes.push(changeHeader(wanted.name, textOf(wanted), shown.of(pair.from)));
    }
    [below, next] = [pair.from + 1, pair.to + 1];
  }
  return changes;
}

const BLANK = 0x20;

/** A field that comes to stand before the field of the pair with that number; after all of them it is added. */
function newField(field: HeaderField, number: number, pairs: readonly Pair[], shown: Numbers): Modification {
  const next = pairs[number];
  if (next === undefined) {
    return known(addHeader(field.name, textOf(field)), field, Infinity, shown);
  }
  // What is above the first that stays is deleted, so that all places there are the same; 1 is the least to get wrong.
  const place = number === 0 ? 1 : next.from + 1;
  return known(insertHeader(place, field.name, textOf(field)), field, place - 1, shown);
}

/** Notes how many of its name are among the first so many that were shown. */
function known<M extends Modification>(change: M, { name }: HeaderField, fields: number, shown: Numbers): M {
  SAME_NAME.set(change, { above: shown.among(name, fields), shown: shown.among(name, Infinity) });
  return change;
}

function textOf({ raw }: HeaderField): Text {
  return asText(raw);
}

/** The numbers of fields within their names, from 1. */
class Numbers {
  readonly #numbers: number[] = [];
  /** The places of the fields of a name. */
  readonly #places = new Map<string, number[]>();

  constructor(fields: readonly HeaderField[]) {
    for (const [place, field] of fields.entries()) {
      const key = field.name.toLowerCase();
      const places = this.#places.get(key) ?? [];
      this.#places.set(key, places);
      this.#numbers.push(places.push(place));
    }
  }

  of(place: number): number {
    return this.#numbers[place] ?? 0;
  }

  /** How many of a name are among the first so many fields. */
  among(name: string, fields: number): number {
    const places = this.#places.get(name.toLowerCase()) ?? [];
    const above = places.findIndex((place) => place >= fields);
    return above === -1 ? places.length : above;
  }
}
