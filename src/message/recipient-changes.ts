import type { Modification } from '../session/modification.js';
import { addRecipient } from '../session/modifications/add-recipient.js';
import { deleteRecipient } from '../session/modifications/delete-recipient.js';
import { bareAddress } from './bare-address.js';
import type { EnvelopePath } from './envelope-path.js';
import { asText } from './header-field.js';

/**
 * The fewest modifications that turn one list of recipients into another, on every MTA: deletions, then additions.
 *
 * A recipient is an address, byte for byte, with its ESMTP arguments; how often and in which order makes no difference,
 * since an MTA has each of them once. An MTA deletes by the address alone, and Sendmail whatever the case of its domain.
 * So where one is deleted, those that stay and are the same but for the case are deleted and added anew.
 *
 * @param from the recipients as the filter was told them
 * @param to those that are wanted
 * @throws AnswerError where an address or an argument cannot be written, which begins with addresses that hold a blank
 */
export function recipientChanges(from: readonly EnvelopePath[], to: readonly EnvelopePath[]): Modification[] {
  const old = new Set(from.map(recipientKey));
  const wanted = new Set(to.map(recipientKey));
  const touched = new Set(from.filter((path) => !wanted.has(recipientKey(path))).map(caseless));

  const deletions = new Map<string, Modification>();
  for (const path of from) {
    if (touched.has(caseless(path))) deletions.set(bareAddress(path.raw), deleteRecipient(asText(path.raw)));
  }
  const additions = new Map<string, Modification>();
  for (const path of to) {
    const key = recipientKey(path);
    if (old.has(key) && !touched.has(caseless(path))) continue;
    additions.set(key, addRecipient(asText(path.raw), path.args));
  }
  return [...deletions.values(), ...additions.values()];
}

/** What two recipients have in common that are one. */
export function recipientKey({ raw, args }: EnvelopePath): string {
  return [bareAddress(raw), ...args].join(' ');
}

function caseless({ raw }: EnvelopePath): string {
  return bareAddress(raw).toLowerCase();
}
