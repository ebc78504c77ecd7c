import type { Modification, ReplaceBody } from '../session/modifications.js';
import type { EnvelopePath } from './envelope-path.js';
import type { HeaderField } from './header-field.js';

/** A message as the MTA has it, before any filter's changes. */
export interface MessageOrigin {
  readonly fields: readonly HeaderField[];
  readonly sender: EnvelopePath;
  readonly recipients: readonly EnvelopePath[];
}

/** Modifications by what they change. */
export interface SortedModifications {
  readonly headers: readonly Modification[];
  readonly recipients: readonly Modification[];
  readonly sender: readonly Modification[];
  readonly body: readonly ReplaceBody[];
  readonly others: readonly Modification[];
}

const PARTS: Readonly<
  Record<Exclude<Modification['kind'], 'replaceBody'>, 'headers' | 'recipients' | 'sender' | 'others'>
> = {
  addHeader: 'headers',
  insertHeader: 'headers',
  changeHeader: 'headers',
  deleteHeader: 'headers',
  addRecipient: 'recipients',
  deleteRecipient: 'recipients',
  changeSender: 'sender',
  quarantine: 'others',
};

const NOTHING: SortedModifications = { headers: [], recipients: [], sender: [], body: [], others: [] };

/** Sorts modifications by what they change, each part in its order. */
export function sortModifications(all: readonly Modification[]): SortedModifications {
  if (all.length === 0) return NOTHING;
  const parts = {
    headers: [] as Modification[],
    recipients: [] as Modification[],
    sender: [] as Modification[],
    body: [] as ReplaceBody[],
    others: [] as Modification[],
  };
  for (const one of all) {
    if (one.kind === 'replaceBody') parts.body.push(one);
    else parts[PARTS[one.kind]].push(one);
  }
  return parts;
}
