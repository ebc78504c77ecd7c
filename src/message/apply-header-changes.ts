import {
  type HeaderPosition,
  type Modification,
  type Text,
  checkModification,
} from '../session/modifications.js';
import { addAbsent } from '../session/changes/absent-headers.js';
import type { MtaName } from '../session/profiles/profile.js';
import { BOTTOM } from '../session/changes/order-changes.js';
import { ChangedHeader } from './changed-header.js';
import type { HeaderField } from './header-field.js';

/**
 * A header as modifications make it: what the MTA will deliver below its own `Received`, and what goes above that (`top`).
 *
 * They take effect in the order in which they are sent: changed values, headers at a place, deletions, then all else. Every
 * number counts the fields as they were shown; a deleted field is not there whatever else was asked for it. A changed field
 * has its name as the filter spells it, in Sendmail as it was; one that is changed and is not there is added in its turn.
 *
 * Modifications of anything else are passed over.
 *
 * @param fields as the filter was shown them
 * @param session of the message: its MTA
 * @param leadingSpace whether values begin with the blank after the colon
 * @throws AnswerError where a modification is malformed
 */
export function applyHeaderChanges(
  fields: readonly HeaderField[],
  modifications: readonly Modification[],
  session: { readonly mta: MtaName },
  leadingSpace: boolean,
): HeaderField[] {
  const header = new ChangedHeader(fields, session.mta, leadingSpace);
  const names = fields.map(({ name }) => name);
  const changes = addAbsent(modifications.map(checkModification), names);
  const placed = changes.filter((one) => one.kind === 'insertHeader').filter(isPlaced);
  const values = changes.filter((one) => one.kind === 'changeHeader').filter(({ value }) => value.length > 0);

  for (const { name, index, value } of values.sort(byIndex)) header.change(name, index, value);
  // From the bottom up, and the one asked for last first, so that the one asked for first ends above it.
  for (const { name, position, value } of placed.reverse().sort(byPosition)) {
    header.insert(position, name, value);
  }
  for (const one of changes) {
    if (one.kind === 'deleteHeader' || (one.kind === 'changeHeader' && one.value.length === 0)) {
      header.delete(one.name, one.index);
    } else if (one.kind === 'addHeader') {
      header.append(one.name, one.value);
    } else if (one.kind === 'insertHeader' && !isPlaced(one)) {
      if (one.position === 'top') header.prepend(one.name, one.value);
      else header.append(one.name, one.value);
    }
  }
  return header.fields();
}

interface Placed {
  readonly position: number;
  readonly name: string;
  readonly value: Text;
}

function isPlaced<M extends { readonly position: HeaderPosition }>(one: M): one is M & Placed {
  return typeof one.position === 'number' && one.position < BOTTOM;
}

function byIndex(one: { readonly index: number }, other: { readonly index: number }): number {
  return one.index - other.index;
}

function byPosition(one: Placed, other: Placed): number {
  return other.position - one.position;
}
