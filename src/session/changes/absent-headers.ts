import { type Modification, addHeader, checkModification } from '../modifications.js';
import { placesIn } from './places-in.js';

interface Addition {
  readonly name: string;
  readonly index: number;
  /** Its turn among the modifications. */
  readonly at: number;
  value: Modification;
}

/**
 * The same modifications, in which a new value for a header that is not there is an addition. A second value takes
 * the place of the first, a deletion takes it back, and several of one name come in the order of their numbers.
 * `names` are those of the headers that the filter was shown. Throws an `AnswerError` for a malformed change.
 */
export function addAbsent(
  modifications: readonly Modification[],
  names: readonly string[],
): readonly Modification[] {
  const places = placesIn(names);
  const isAbsent = (one: Modification): boolean => {
    if (one.kind !== 'changeHeader') return false;
    const { name, index } = checkModification(one);
    return index > places(name).length;
  };
  // Without an addition there is nothing for a deletion to take back.
  if (!modifications.some(isAbsent)) return modifications;
  const all: (Modification | undefined)[] = [];
  const added = new Map<string, Addition>();
  for (const given of modifications) {
    if (given.kind !== 'changeHeader' && given.kind !== 'deleteHeader') {
      all.push(given);
      continue;
    }
    const change = checkModification(given);
    const { index } = change;
    const name = change.name.toLowerCase();
    if (index <= places(name).length) {
      all.push(given);
      continue;
    }
    const key = `${name}:${index}`;
    if (change.kind === 'deleteHeader' || change.value.length === 0) {
      if (!added.delete(key)) all.push(given);
      continue;
    }
    const value = addHeader(change.name, change.value);
    const earlier = added.get(key);
    if (earlier === undefined) added.set(key, { name, index, at: all.push(undefined) - 1, value });
    else earlier.value = value;
  }
  for (const name of new Set([...added.values()].map((one) => one.name))) {
    const turns = [...added.values()].filter((one) => one.name === name);
    const places = turns.map(({ at }) => at);
    turns.sort((one, other) => one.index - other.index);
    turns.forEach(({ value }, nth) => (all[places[nth] ?? 0] = value));
  }
  return all.filter((one) => one !== undefined);
}
