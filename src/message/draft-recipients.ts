import { addressKey } from '../common/address-key.js';
import { checkAddress, checkArguments } from '../session/check-text.js';
import { AnswerError } from '../session/errors.js';
import { writtenPath, type EnvelopePath } from './envelope-path.js';
import { PathList } from './path-list.js';

/**
 * The recipients of a message that is being changed; see `edit()`. Which of them an address means is judged as
 * `sameAddress()` does it: internationalised domains in either form, local parts in any case.
 *
 * @example
 * edit(message, ({ recipients }) => {
 *   if (recipients.delete('info@example.org') > 0) recipients.add('desk@example.org');
 * });
 */
export class DraftRecipients implements Iterable<EnvelopePath> {
  readonly #original: readonly EnvelopePath[];
  /** Made when first needed: most drafts leave the recipients alone. */
  #list: PathList | undefined;
  #touched = false;

  constructor(paths: readonly EnvelopePath[]) {
    this.#original = paths;
  }

  /** Whether anything was changed at all. @internal */
  get touched(): boolean {
    return this.#touched;
  }

  /** How many there are. */
  get length(): number {
    return this.#list?.length ?? this.#original.length;
  }

  /** The recipients in order, as they are now: what is changed meanwhile is not seen. */
  [Symbol.iterator](): Iterator<EnvelopePath> {
    return (this.#list?.all() ?? this.#original)[Symbol.iterator]();
  }

  /** Whether the address is among them. */
  has(address: string): boolean {
    if (typeof address !== 'string') throw notText('draft.recipients.has', address);
    return this.#paths.find(addressKey(address)).length > 0;
  }

  /**
   * Adds a recipient, unless it is there.
   *
   * @param address with or without angle brackets
   * @param args its ESMTP arguments; a recipient that is there gets these instead of its own. Without them it keeps what
   *   it has, and a new one has none
   * @returns the recipient, new or not
   * @throws AnswerError where it is no address, or an argument none
   */
  add(address: string, args?: readonly string[]): EnvelopePath {
    const what = 'draft.recipients.add';
    if (typeof address !== 'string') throw notText(what, address);
    checkAddress(what, address, false);
    if (args !== undefined) checkArguments(what, args);
    const there = this.#paths.find(addressKey(address));
    const same = args === undefined ? there[0] : there.find((path) => equal(path.args, args));
    if (same !== undefined) return same;
    const made = writtenPath(address, [...(args ?? [])]);
    const [old] = there;
    this.#touched = true;
    if (old === undefined) {
      this.#paths.push(made);
      return made;
    }
    const changed: EnvelopePath = { ...old, args: made.args, params: made.params };
    this.#paths.replaceFirst(changed);
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
    if (typeof text !== 'string') throw notText('draft.recipients.delete', text);
    const deleted = this.#paths.delete(addressKey(text));
    if (deleted > 0) this.#touched = true;
    return deleted;
  }

  /** Deletes all. */
  clear(): void {
    if (this.length === 0) return;
    this.#list = new PathList([], keyOf);
    this.#touched = true;
  }

  get #paths(): PathList {
    return (this.#list ??= new PathList(this.#original, keyOf));
  }
}

function keyOf({ address }: EnvelopePath): string {
  return addressKey(address);
}

function notText(what: string, address: unknown): AnswerError {
  return new AnswerError(`${what}: the address is ${String(address)}, and not a string.`);
}

function equal(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((arg, index) => arg === right[index]);
}
