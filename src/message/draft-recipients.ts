import { checkAddress, checkArguments } from '../session/check-text.js';
import { writtenPath, type EnvelopePath } from './envelope-path.js';
import { addressKey } from './same-address.js';

/** The recipients of a message that is being changed. */
export class DraftRecipients implements Iterable<EnvelopePath> {
  readonly #original: readonly EnvelopePath[];
  #paths: readonly EnvelopePath[];

  constructor(paths: readonly EnvelopePath[]) {
    this.#original = this.#paths = paths;
  }

  /** Whether anything was changed at all. @internal */
  get touched(): boolean {
    return this.#paths !== this.#original;
  }

  get length(): number {
    return this.#paths.length;
  }

  [Symbol.iterator](): Iterator<EnvelopePath> {
    return this.#paths[Symbol.iterator]();
  }

  has(address: string): boolean {
    return this.#paths.some(is(address));
  }

  add(address: string, args?: readonly string[]): EnvelopePath {
    const what = 'draft.recipients.add';
    checkAddress(what, address, false);
    if (args !== undefined) checkArguments(what, args);
    const there = this.#paths.filter(is(address));
    const [first] = there;
    if (first === undefined) {
      const path = writtenPath(address, [...(args ?? [])]);
      this.#paths = [...this.#paths, path];
      return path;
    }
    const same = args === undefined ? first : there.find((path) => equal(path.args, args));
    if (same !== undefined) return same;
    const { params } = writtenPath(address, [...(args ?? [])]);
    const changed: EnvelopePath = { ...first, args: [...(args ?? [])], params };
    this.#paths = this.#paths.map((path) => (path === first ? changed : path));
    return changed;
  }

  delete(address: string | EnvelopePath): number {
    const gone = is(typeof address === 'string' ? address : address.address);
    const left = this.#paths.filter((path) => !gone(path));
    const deleted = this.length - left.length;
    if (deleted > 0) this.#paths = left;
    return deleted;
  }

  clear(): void {
    if (this.length > 0) this.#paths = [];
  }
}

/** Whether a path is of that address. */
function is(address: string): (path: EnvelopePath) => boolean {
  const key = addressKey(address);
  return (path) => path.address === address || addressKey(path.address) === key;
}

function equal(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((arg, index) => arg === right[index]);
}
