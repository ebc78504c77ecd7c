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
  #list: RecipientList | undefined;

  readonly #state: DraftState;

  constructor(paths: readonly EnvelopePath[], state: DraftState = { closed: false }) {
    this.#original = paths;
    this.#state = state;
  }

  /** How many there are. */
  get length(): number {
    return this.#list?.length ?? this.#original.length;
  }

  /** The recipients in order, as they are now: later changes are not seen. */
  [Symbol.iterator](): Iterator<EnvelopePath> {
    return (this.#list?.paths() ?? this.#original)[Symbol.iterator]();
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
    const recipients = this.#recipients;
    for (const place of there) {
      const path = recipients.at(place);
      if (path !== undefined && (args === undefined || equal(path.args, args))) return path;
    }
    const made = writtenPath(address, [...(args ?? [])]);
    const [first = -1] = there;
    const old = recipients.at(first);
    if (old === undefined) return recipients.add(made);
    return recipients.put(first, { ...old, args: made.args, params: made.params });
  }

  /** Deletes all that are the address, or the recipient; returns how many. */
  delete(address: string | EnvelopePath): number {
    checkOpen(this.#state);
    const text = (address as EnvelopePath | undefined | null)?.address ?? address;
    const gone = this.#find('draft.recipients.delete', text);
    for (const place of gone) this.#recipients.delete(place);
    return gone.length;
  }

  /** Deletes all. */
  clear(): void {
    checkOpen(this.#state);
    this.#list = new RecipientList([]);
  }

  get #recipients(): RecipientList {
    return (this.#list ??= new RecipientList(this.#original));
  }

  /** The places of those that are the address. */
  #find(what: string, address: unknown): readonly number[] {
    if (typeof address === 'string') return this.#recipients.places(parseAddress(address).mailbox);
    throw new AnswerError(`${what}: the address is ${String(address)}, and not a string.`);
  }
}

/** So many addresses are looked for one by one. */
const FEW = 4;

/** Recipients in order, found by their addresses: a message may have ten thousand, and a filter may ask for each. */
class RecipientList {
  /** Nothing at the places of those that were deleted. */
  readonly #paths: (EnvelopePath | undefined)[];
  #length: number;
  #asked = 0;
  /** The places by mailbox, once there is more to look for than a few. */
  #table: Map<string, number[]> | undefined;

  constructor(paths: readonly EnvelopePath[]) {
    this.#paths = paths.slice();
    this.#length = paths.length;
  }

  get length(): number {
    return this.#length;
  }

  paths(): EnvelopePath[] {
    return this.#paths.filter((path) => path !== undefined);
  }

  at(place: number): EnvelopePath | undefined {
    return this.#paths[place];
  }

  put(place: number, path: EnvelopePath): EnvelopePath {
    return (this.#paths[place] = path);
  }

  add(path: EnvelopePath): EnvelopePath {
    const place = this.#paths.push(path) - 1;
    this.#length++;
    if (this.#table !== undefined) note(this.#table, path.mailbox, place);
    return path;
  }

  delete(place: number): void {
    this.#paths[place] = undefined;
    this.#length--;
  }

  places(mailbox: string): readonly number[] {
    if (this.#table === undefined && ++this.#asked <= FEW) return this.#placesOf(mailbox);
    if (this.#table === undefined) {
      this.#table = new Map();
      for (const [place, path] of this.#paths.entries())
        if (path !== undefined) note(this.#table, path.mailbox, place);
    }
    return (this.#table.get(mailbox) ?? NONE).filter((place) => this.#paths[place] !== undefined);
  }

  #placesOf(mailbox: string): readonly number[] {
    const places: number[] = [];
    for (let place = 0; place < this.#paths.length; place++)
      if (this.#paths[place]?.mailbox === mailbox) places.push(place);
    return places;
  }
}

const NONE: readonly number[] = Object.freeze([]);

function note(table: Map<string, number[]>, mailbox: string, place: number): void {
  const places = table.get(mailbox);
  if (places === undefined) table.set(mailbox, [place]);
  else places.push(place);
}

export function equal(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((one, index) => one === right[index]);
}
