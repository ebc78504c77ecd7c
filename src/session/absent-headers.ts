import { checkModification } from './check-modification.js';
import { addHeader } from './modifications/add-header.js';
import type { ChangeHeader, DeleteHeader, Modification } from './modification.js';

/**
 * The same modifications, in which a new value for a header that is not there is what it comes to: an addition, in its
 * turn among the others. A second value for it takes the place of the first, and a deletion takes it back.
 *
 * @param names those of the headers that the filter was shown
 * @throws AnswerError where such a change is malformed
 */
export function addAbsent(
  modifications: readonly Modification[],
  names: readonly string[],
): readonly Modification[] {
  if (!modifications.some(({ kind }) => kind === 'changeHeader')) return modifications;
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name.toLowerCase(), (counts.get(name.toLowerCase()) ?? 0) + 1);
  const all: (Modification | undefined)[] = [];
  /** Where the additions are, by name and number. */
  const added = new Map<string, number>();
  for (const given of modifications) {
    const change = changeOf(given);
    const name = change?.name.toLowerCase() ?? '';
    if (change === undefined || change.index <= (counts.get(name) ?? 0)) {
      all.push(given);
      continue;
    }
    const key = `${name}:${change.index}`;
    const at = added.get(key);
    if (change.kind === 'deleteHeader' || change.value.length === 0) {
      if (at === undefined) all.push(given);
      else all[at] = undefined;
      added.delete(key);
    } else {
      const addition = addHeader(change.name, change.value);
      if (at !== undefined) all[at] = addition;
      else added.set(key, all.push(addition) - 1);
    }
  }
  return all.filter((one) => one !== undefined);
}

function changeOf(given: Modification): ChangeHeader | DeleteHeader | undefined {
  if (given.kind !== 'changeHeader' && given.kind !== 'deleteHeader') return undefined;
  const change = checkModification(given);
  return change.kind === 'changeHeader' || change.kind === 'deleteHeader' ? change : undefined;
}
