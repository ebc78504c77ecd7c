import type { Modification } from '../session/modification.js';
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
  readonly body: readonly Modification[];
  readonly others: readonly Modification[];
}

type Part = keyof SortedModifications;

const PARTS: Readonly<Record<Modification['kind'], Part>> = {
  addHeader: 'headers',
  insertHeader: 'headers',
  changeHeader: 'headers',
  deleteHeader: 'headers',
  addRecipient: 'recipients',
  deleteRecipient: 'recipients',
  changeSender: 'sender',
  replaceBody: 'body',
  quarantine: 'others',
};

/** Sorts modifications by what they change, each part in its order. */
export function sortModifications(all: readonly Modification[]): SortedModifications {
  const parts: Record<Part, Modification[]> = {
    headers: [],
    recipients: [],
    sender: [],
    body: [],
    others: [],
  };
  for (const one of all) parts[PARTS[one.kind]].push(one);
  return parts;
}
