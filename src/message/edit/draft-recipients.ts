import { parseAddress } from '../../common/address.js';
import { checkAddress, checkArguments } from '../../session/check-text.js';
import type { EnvelopePath } from '../../session/envelope-path.js';
import { AnswerError } from '../../session/errors.js';
import { writtenPath } from '../envelope-path.js';
import { type DraftState, checkOpen } from './draft-state.js';

/**
 * The recipients of a message that is being changed, found by what `sameAddress()` takes for the same; see `edit()`.
 *
 * @example
 * edit(message, ({ recipients }) => {
 *   if (recipients.delete('info@example.org') > 0) recipients.add('desk@example.org');
 * });
 */
export class DraftRecipients implements Iterable<EnvelopePath> {
  readonly #original: readonly EnvelopePath[];
  /** Made when first needed: most drafts leave the recipients alone. */
  #index: RecipientIndex | undefined;

  readonly #state: DraftState;

  constructor(paths: readonly EnvelopePath[], state: DraftState = { closed: false }) {
    this.#original = paths;
    this.#state = state;
  }

  /** How many there are. */
  get length(): number {
    return this.#index?.entries.size ?? this.#original.length;
  }

  /** The recipients in order, as they are now: later changes are not seen. */
  [Symbol.iterator](): Iterator<EnvelopePath> {
    return (this.#index?.paths() ?? this.#original)[Symbol.iterator]();
  }

  /** Whether the address is among them. */
  has(address: string): boolean {
    return this.#find('draft.recipients.has', address).length > 0;
  }

  /**
   * Adds a recipient, unless it is there; returns it, new or not.
   *
   * @param address with or without angle brackets
   * @param args its ESMTP arguments, in place of those that it may have; without them it keeps what it has
   * @throws AnswerError where the address or an argument is not valid
   */
  add(address: string, args?: readonly string[]): EnvelopePath {
    const what = 'draft.recipients.add';
    checkOpen(this.#state);
    const there = this.#find(what, address);
    checkAddress(what, address, false);
    if (args !== undefined) checkArguments(what, args);
    const same = there.find(({ path }) => args === undefined || equal(path.args, args));
    if (same !== undefined) return same.path;
    const made = writtenPath(address, [...(args ?? [])]);
    const [first] = there;
    if (first === undefined) return this.#recipients.add(made);
    return (first.path = { ...first.path, args: made.args, params: made.params });
  }

  /** Deletes all that are the address, or the recipient; returns how many. */
  delete(address: string | EnvelopePath): number {
    checkOpen(this.#state);
    const text = (address as EnvelopePath | undefined | null)?.address ?? address;
    const gone = this.#find('draft.recipients.delete', text).splice(0);
    for (const entry of gone) this.#recipients.entries.delete(entry);
    return gone.length;
  }

  /** Deletes all. */
  clear(): void {
    checkOpen(this.#state);
    this.#index = new RecipientIndex([]);
  }

  get #recipients(): RecipientIndex {
    return (this.#index ??= new RecipientIndex(this.#original));
  }

  /** Those that are the address: the list of the index itself. */
  #find(what: string, address: unknown): Entry[] {
    if (typeof address === 'string') return this.#recipients.named(parseAddress(address).mailbox);
    throw new AnswerError(`${what}: the address is ${String(address)}, and not a string.`);
  }
}

interface Entry {
  path: EnvelopePath;
}

/** Recipients in order, found by their addresses: a message may have ten thousand, and a filter may ask for each. */
class RecipientIndex {
  readonly entries = new Set<Entry>();
  readonly #named = new Map<string, Entry[]>();

  constructor(paths: readonly EnvelopePath[]) {
    for (const path of paths) this.add(path);
  }

  add(path: EnvelopePath): EnvelopePath {
    const entry = { path };
    this.entries.add(entry);
    this.named(path.mailbox).push(entry);
    return path;
  }

  named(mailbox: string): Entry[] {
    const entries = this.#named.get(mailbox) ?? [];
    this.#named.set(mailbox, entries);
    return entries;
  }

  paths(): EnvelopePath[] {
    return Array.from(this.entries, ({ path }) => path);
  }
}

export function equal(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((one, index) => one === right[index]);
}
