import { addressKey } from '../../common/address-key.js';
import { checkAddress, checkArguments } from '../../session/check-text.js';
import { AnswerError } from '../../session/errors.js';
import { writtenPath, type EnvelopePath } from '../envelope-path.js';

/**
 * The recipients of a message that is being changed; see `edit()`.
 *
 * @remarks
 * Two addresses are the same where `sameAddress()` says so: internationalised domains in either form, local parts in any
 * case.
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

  constructor(paths: readonly EnvelopePath[]) {
    this.#original = paths;
  }

  /** How many there are. */
  get length(): number {
    return this.#index?.paths.size ?? this.#original.length;
  }

  /** The recipients in order, as they are now: later changes are not seen. */
  [Symbol.iterator](): Iterator<EnvelopePath> {
    return [...(this.#index?.paths.values() ?? this.#original)][Symbol.iterator]();
  }

  /** Whether the address is among them. */
  has(address: string): boolean {
    return this.#find('draft.recipients.has', address).length > 0;
  }

  /**
   * Adds a recipient, unless it is there.
   *
   * @param address with or without angle brackets
   * @param args its ESMTP arguments; a recipient that is there gets these instead of its own. Without them it keeps what
   *   it has, and a new one has none
   * @returns the recipient, new or not
   * @throws AnswerError where the address or an argument is not valid
   */
  add(address: string, args?: readonly string[]): EnvelopePath {
    const what = 'draft.recipients.add';
    const there = this.#find(what, address);
    checkAddress(what, address, false);
    if (args !== undefined) checkArguments(what, args);
    const { paths } = this.#recipients;
    for (const place of there) {
      const path = paths.get(place);
      if (path !== undefined && (args === undefined || equal(path.args, args))) return path;
    }
    const made = writtenPath(address, [...(args ?? [])]);
    const [first] = there;
    const old = first === undefined ? undefined : paths.get(first);
    if (first === undefined || old === undefined) return this.#recipients.add(made);
    const changed: EnvelopePath = { ...old, args: made.args, params: made.params };
    paths.set(first, changed);
    return changed;
  }

  /**
   * Deletes all that are the address.
   *
   * @param address with or without angle brackets, or a recipient
   * @returns how many were deleted: 0 where it is not among them
   */
  delete(address: string | EnvelopePath): number {
    const given: unknown = address;
    const text = typeof given === 'object' && given !== null && 'address' in given ? given.address : given;
    const places = this.#find('draft.recipients.delete', text);
    for (const place of places) this.#recipients.paths.delete(place);
    return places.splice(0).length;
  }

  /** Deletes all. */
  clear(): void {
    this.#index = new RecipientIndex([]);
  }

  get #recipients(): RecipientIndex {
    return (this.#index ??= new RecipientIndex(this.#original));
  }

  /** The places of those that are the address. */
  #find(what: string, address: unknown): number[] {
    if (typeof address === 'string') return this.#recipients.placesOf(address);
    throw new AnswerError(`${what}: the address is ${String(address)}, and not a string.`);
  }
}

/** Recipients in order, found by their addresses: a message may have ten thousand, and a filter may ask for each. */
class RecipientIndex {
  /** By their places, which do not move when one is deleted. */
  readonly paths = new Map<number, EnvelopePath>();
  readonly #places = new Map<string, number[]>();
  #next = 0;

  constructor(paths: readonly EnvelopePath[]) {
    for (const path of paths) this.add(path);
  }

  add(path: EnvelopePath): EnvelopePath {
    this.placesOf(path.address).push(this.#next);
    this.paths.set(this.#next++, path);
    return path;
  }

  placesOf(address: string): number[] {
    const key = addressKey(address);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const places: number[] = [];
    this.#places.set(key, places);
    return places;
  }
}

function equal(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((arg, index) => arg === right[index]);
}
