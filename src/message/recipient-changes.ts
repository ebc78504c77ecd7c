import { plainAddress } from '../common/address-key.js';
import { type Modification, addRecipient, deleteRecipient } from '../session/modifications.js';
import { bareAddress } from './bare-address.js';
import type { EnvelopePath } from './envelope-path.js';
import { asText } from './header-field.js';

/**
 * The fewest modifications that turn one list of recipients into another, on every MTA: deletions, then additions.
 *
 * A recipient is an address, byte for byte, with its ESMTP arguments; how often and in which order makes no difference,
 * since an MTA has each of them once. It deletes by the address alone, and of several that are the same but for the case
 * Postfix has only the first. So where one of them is deleted, all are, and those that stay are added anew: otherwise the
 * deletion of one could be the loss of all.
 *
 * In Sendmail one that is added anew with another `NOTIFY` is told of what either of the two asks for.
 *
 * @param from the recipients as the filter was told them
 * @param to those that are wanted
 * @throws AnswerError where an address or an argument cannot be written: the address holds a blank, say
 */
export function recipientChanges(from: readonly EnvelopePath[], to: readonly EnvelopePath[]): Modification[] {
  const old = new Set(from.map(recipientKey));
  const wanted = new Set(to.map(recipientKey));
  const touched = new Set(from.filter((path) => !wanted.has(recipientKey(path))).map(caseless));

  const deletions = new Map<string, Modification>();
  for (const path of from) {
    if (touched.has(caseless(path))) for (const [key, one] of deletionsOf(path)) deletions.set(key, one);
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

/** What Postfix takes away from an address before it keeps it: a route, comments, blanks, needless quotes. */
const TWO_ROUTES = /^@[^:"\\()<>\s]*:(@.*)$/s;
const ADORNED = /[\s()<>,;:"\\]/;

/**
 * The deletion of a recipient as the client has written it, which is what Sendmail compares. Postfix compares what it has
 * kept of that; and a blank or a bracket, which a client may write, cannot be written in a modification.
 */
function deletionsOf({ raw, address }: EnvelopePath): [string, Modification][] {
  const kept = keptAddress(address);
  const made: [string, Modification][] = [];
  let failure: unknown;
  for (const way of kept === undefined ? [raw] : [raw, kept]) {
    try {
      made.push([bareAddress(way), deleteRecipient(typeof way === 'string' ? way : asText(way))]);
    } catch (error) {
      failure = error;
    }
  }
  if (made.length === 0) throw failure;
  return made;
}

/** An address as Postfix keeps it, where that is another than the one that the client has written. */
export function keptAddress(address: string): string | undefined {
  // Of two routes in a row it takes the first away.
  const [, rest] = TWO_ROUTES.exec(address) ?? [];
  const plain = rest ?? (ADORNED.test(address) ? plainAddress(address) : undefined);
  return plain === address ? undefined : plain;
}

function caseless({ address }: EnvelopePath): string {
  return address.toLowerCase();
}
