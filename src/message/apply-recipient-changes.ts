import { type Modification, checkModification } from '../session/modifications.js';
import { bareAddress } from './bare-address.js';
import { type EnvelopePath, writtenPath } from './envelope-path.js';
import { PathList } from './path-list.js';
import { keptAddress, recipientKey } from './recipient-changes.js';

/**
 * Recipients as modifications make them, in the order in which they were asked for: a deletion takes all with that
 * address, byte for byte, whatever their arguments, and those that an MTA has kept as it. What is there with the same arguments is not added again.
 *
 * Modifications of anything else are passed over.
 *
 * @throws AnswerError where a modification is malformed
 */
export function applyRecipientChanges(
  paths: readonly EnvelopePath[],
  modifications: readonly Modification[],
): EnvelopePath[] {
  const changed = new PathList(paths, ({ raw }) => bareAddress(raw));
  const spelled = keptOf(paths);
  for (const one of modifications.map(checkModification)) {
    if (one.kind === 'deleteRecipient') {
      const address = bareAddress(one.address);
      changed.delete(address);
      for (const bare of spelled.get(address) ?? []) changed.delete(bare);
    } else if (one.kind === 'addRecipient') {
      const added = writtenPath(one.address, one.args);
      const key = recipientKey(added);
      const there = changed.find(bareAddress(added.raw));
      if (!there.some((path) => recipientKey(path) === key)) changed.push(added);
    }
  }
  return changed.all();
}

/** The recipients that an MTA has kept with less than the client has written, by the bytes of that. */
function keptOf(paths: readonly EnvelopePath[]): ReadonlyMap<string, readonly string[]> {
  const kept = new Map<string, string[]>();
  for (const { address, raw } of paths) {
    const plain = keptAddress(address);
    if (plain === undefined) continue;
    const bytes = bareAddress(plain);
    kept.set(bytes, [...(kept.get(bytes) ?? []), bareAddress(raw)]);
  }
  return kept;
}
