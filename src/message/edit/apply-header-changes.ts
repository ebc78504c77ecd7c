import { addAbsent } from '../../session/changes/absent-headers.js';
import { BOTTOM } from '../../session/changes/order-changes.js';
import { placesIn } from '../../session/changes/places-in.js';
import {
  type HeaderPosition,
  type Modification,
  type Text,
  checkModification,
} from '../../session/modifications.js';
import { profileNamed } from '../../session/profiles/recognise.js';
import type { SessionInfo } from '../../session/session-info.js';
import { type HeaderField, headerField } from '../headers/header-field.js';

/** A field in its place, until it is known whether it stays: all numbers count the fields as they were shown. */
interface Entry {
  field: HeaderField;
  deleted: boolean;
}

/**
 * A header as modifications make it: what the MTA will deliver below its own `Received`, and what goes above that (`top`).
 *
 * Changed values come first, then headers at a place, deletions, and all else. Every number counts the fields as they were
 * shown; a deleted field is not there whatever else was asked for it. A changed field has its name as the filter spells
 * it, in Sendmail as it was; one that is not there is added in its turn.
 *
 * @param fields as the filter was shown them
 * @throws AnswerError where a modification is malformed
 */
export function applyHeaderChanges(
  fields: readonly HeaderField[],
  modifications: readonly Modification[],
  { mta, leadingSpace }: Pick<SessionInfo, 'mta' | 'leadingSpace'>,
): HeaderField[] {
  const names = fields.map(({ name }) => name);
  const changes = addAbsent(modifications.map(checkModification), names);
  const top: HeaderField[] = [];
  const shown = fields.map((field): Entry => ({ field, deleted: false }));
  const entries = [...shown];
  const places = placesIn(names);
  const entry = (name: string, index: number): Entry | undefined => shown[places(name)[index - 1] ?? -1];
  const made = ({ name, value }: { readonly name: string; readonly value: Text }): Entry => {
    return { field: headerField(name, value, leadingSpace), deleted: false };
  };

  const values = changes.filter((one) => one.kind === 'changeHeader').filter(({ value }) => value.length > 0);
  for (const { name, index, value } of values) {
    const old = entry(name, index);
    if (old === undefined) continue;
    const { field } = made({ name: profileNamed(mta).keepsName ? old.field.name : name, value });
    old.field = old.field.top === true ? { ...field, top: true } : field;
  }
  const placed = changes.filter((one) => one.kind === 'insertHeader').filter(isPlaced);
  // From the bottom up, and the one asked for last first, so that the one asked for first ends above it.
  for (const one of placed.reverse().sort((left, right) => right.position - left.position)) {
    entries.splice(one.position - 1, 0, made(one));
  }
  for (const one of changes) {
    if (one.kind === 'deleteHeader' || (one.kind === 'changeHeader' && one.value.length === 0)) {
      const old = entry(one.name, one.index);
      if (old !== undefined) old.deleted = true;
    } else if (one.kind === 'insertHeader' && one.position === 'top') {
      top.unshift({ ...made(one).field, top: true });
    } else if (one.kind === 'addHeader' || (one.kind === 'insertHeader' && !isPlaced(one))) {
      entries.push(made(one));
    }
  }
  return [...top, ...entries.filter(({ deleted }) => !deleted).map(({ field }) => field)];
}

function isPlaced<M extends { readonly position: HeaderPosition }>(
  one: M,
): one is M & { readonly position: number } {
  return typeof one.position === 'number' && one.position < BOTTOM;
}
