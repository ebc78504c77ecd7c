import { plainAddress } from '../../common/address.js';
import type { EnvelopePath } from '../../session/envelope-path.js';
import {
  type Modification,
  type Text,
  addRecipient,
  checkModification,
  deleteRecipient,
} from '../../session/modifications.js';
import { writtenPath } from '../envelope-path.js';
import { asText } from '../headers/header-field.js';

/**
 * The fewest modifications that turn one list of recipients into another, on every MTA: deletions, then additions.
 *
 * A recipient is an address, byte for byte, with its ESMTP arguments; an MTA has each of them once, in any order. It
 * deletes by the address alone, and of several that are the same but for the case Postfix has only the first. So where one
 * of them is deleted, all are, and those that stay are added anew.
 *
 * @param from the recipients as the filter was shown them
 * @throws AnswerError where an address or an argument cannot be written: the address holds a blank, say
 */
export function recipientChanges(from: readonly EnvelopePath[], to: readonly EnvelopePath[]): Modification[] {
  const { before, after } = concerned(from, to);
  const old = new Set(before.map(recipientKey));
  const wanted = new Set(after.map(recipientKey));
  const touched = new Set(before.filter((path) => !wanted.has(recipientKey(path))).map(caseless));

  const deletions = new Map<string, Modification>();
  for (const path of before) {
    if (touched.has(caseless(path))) for (const [key, one] of deletionsOf(path)) deletions.set(key, one);
  }
  const additions = new Map<string, Modification>();
  for (const path of after) {
    const key = recipientKey(path);
    if (old.has(key) && !touched.has(caseless(path))) continue;
    additions.set(key, addRecipient(asText(path.raw), path.args));
  }
  return [...deletions.values(), ...additions.values()];
}

/** So many mailboxes are looked for one by one. */
const FEW = 4;

/**
 * The recipients that only one of the lists has, and those of the same mailboxes. All others are the same objects in
 * the same order, and are not looked at.
 */
function concerned(
  from: readonly EnvelopePath[],
  to: readonly EnvelopePath[],
): { readonly before: readonly EnvelopePath[]; readonly after: readonly EnvelopePath[] } {
  let kept = 0;
  const changed = from.filter((path) => {
    if (path !== to[kept]) return true;
    kept++;
    return false;
  });
  for (const path of to.slice(kept)) changed.push(path);
  const mailboxes = changed.map(({ mailbox }) => mailbox);
  const table = mailboxes.length > FEW ? new Set(mailboxes) : undefined;
  const near = to
    .slice(0, kept)
    .map(({ mailbox }) => table?.has(mailbox) ?? mailboxes.some((one) => one === mailbox));
  let at = 0;
  return {
    before: from.filter((path) => path !== to[at] || near[at++] === true),
    after: to.filter((_path, place) => place >= kept || near[place] === true),
  };
}

/**
 * Recipients as modifications make them: a deletion takes all with that address, byte for byte, whatever their arguments,
 * and those that an MTA has kept as it. A recipient that is there with the same arguments is not added again.
 *
 * @throws AnswerError where a modification is malformed
 */
export function applyRecipientChanges(
  paths: readonly EnvelopePath[],
  modifications: readonly Modification[],
): EnvelopePath[] {
  const changes = modifications.map(checkModification);
  const spelled = spellingsOf(paths);
  /** The addresses that are deleted, each with the number of its last deletion: only a later addition is of use. */
  const deleted = new Map<string, number>();
  for (const [number, one] of changes.entries()) {
    if (one.kind !== 'deleteRecipient') continue;
    const address = bareAddress(one.address);
    for (const each of [address, ...(spelled.get(address) ?? [])]) deleted.set(each, number);
  }
  const left = paths.filter((path) => !deleted.has(bareOf(path)));
  const keys = new Set(left.map(recipientKey));
  for (const [number, one] of changes.entries()) {
    if (one.kind !== 'addRecipient') continue;
    const added = writtenPath(one.address, one.args);
    const key = recipientKey(added);
    if (keys.has(key) || (deleted.get(bareOf(added)) ?? -1) > number) continue;
    keys.add(key);
    left.push(added);
  }
  return left;
}

/** An address that two recipients have in common that are one, with their arguments. */
function recipientKey(path: EnvelopePath): string {
  return path.args.length === 0 ? bareOf(path) : [bareOf(path), ...path.args].join(' ');
}

const OPEN = 0x3c;
const CLOSE = 0x3e;

/** The bytes of a recipient's address, as `bareAddress()` has them. */
function bareOf({ address, raw }: EnvelopePath): string {
  // Where text has as many characters as its bytes, brackets not counted, each character is a byte.
  const brackets = raw[0] === OPEN && raw[raw.length - 1] === CLOSE ? 2 : 0;
  return raw.length - brackets === address.length ? address : bareAddress(raw);
}

/** The bytes of an address without the angle brackets around it, as a string with one character for each byte. */
function bareAddress(address: Text): string {
  const text = Buffer.from(address as string).toString('latin1');
  return text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
}

function caseless({ address }: EnvelopePath): string {
  return address.toLowerCase();
}

/**
 * Sendmail compares a recipient as the client has written it, Postfix what it has kept of that. One of the two may not be
 * written in a modification: with a blank or a bracket, which a client may write.
 */
function deletionsOf({ raw, address }: EnvelopePath): [string, Modification][] {
  const kept = keptAddress(address);
  const made: [string, Modification][] = [];
  let failure: unknown;
  for (const way of kept === undefined ? [asText(raw)] : [asText(raw), kept]) {
    try {
      made.push([bareAddress(way), deleteRecipient(way)]);
    } catch (error) {
      failure = error;
    }
  }
  if (made.length === 0) throw failure;
  return made;
}

/** The recipients that an MTA has kept with less than the client has written: their spellings, by what was kept. */
function spellingsOf(paths: readonly EnvelopePath[]): ReadonlyMap<string, readonly string[]> {
  const spellings = new Map<string, string[]>();
  for (const { address, raw } of paths) {
    const plain = keptAddress(address);
    if (plain === undefined) continue;
    const kept = bareAddress(plain);
    spellings.set(kept, [...(spellings.get(kept) ?? []), bareAddress(raw)]);
  }
  return spellings;
}

/** What Postfix takes away from an address before it keeps it: a route, comments, blanks, needless quotes. */
const TWO_ROUTES = /^@[^:"\\()<>\s]*:(@.*)$/s;
const ADORNED = /[\s()<>,;:"\\]/;

/** An address as Postfix keeps it, where that is another than the one that the client has written. */
function keptAddress(address: string): string | undefined {
  // Of two routes in a row it takes the first away.
  const [, rest] = TWO_ROUTES.exec(address) ?? [];
  const plain = rest ?? (ADORNED.test(address) ? plainAddress(address) : undefined);
  return plain === address ? undefined : plain;
}
