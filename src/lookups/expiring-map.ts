import { createHash } from 'node:crypto';

interface Entry<V> {
  readonly key: unknown;
  value: V;
  since: number;
  until: number;
  /** Written before it, and after it. */
  older: Entry<V> | undefined;
  newer: Entry<V> | undefined;
}

/** How many expired entries are removed at each writing: more than the one that is written, so that they get fewer. */
const SWEPT = 2;

/**
 * A map that is bounded by number and by time: the entry that was written least recently goes first, and expired ones are
 * as good as gone. Each call takes the same time however many there are, and there is no timer.
 *
 * The memory of expired entries is given back as others are written, or when they are asked for.
 */
export class ExpiringMap<V> {
  readonly #maxKeys: number;
  readonly #entries = new Map<unknown, Entry<V>>();
  /** The ends of a chain. A `Map` has an order, too, but walks over all that was deleted to find its first. */
  #oldest: Entry<V> | undefined;
  #newest: Entry<V> | undefined;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value of the key at that time; `undefined` also where it is expired. */
  get(key: unknown, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (!isExpired(entry, now)) return entry.value;
    this.#remove(entry);
    return undefined;
  }

  /** Keeps a value for `ttl` milliseconds, and makes it the newest. */
  set(key: unknown, value: V, now: number, ttl: number): void {
    const until = now + ttl;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      known.since = now;
      known.until = until;
      if (known === this.#newest) return;
      this.#unlink(known);
      this.#append(known);
      return;
    }
    this.#sweep(now);
    if (this.#oldest !== undefined && this.#entries.size >= this.#maxKeys) this.#remove(this.#oldest);
    const entry: Entry<V> = { key, value, since: now, until, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    this.#append(entry);
  }

  delete(key: unknown): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  #append(entry: Entry<V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ older, newer }: Entry<V>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  #remove(entry: Entry<V>): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
  }

  #sweep(now: number): void {
    for (let left = SWEPT; left > 0; left--) {
      if (this.#oldest === undefined || !isExpired(this.#oldest, now)) return;
      this.#remove(this.#oldest);
    }
  }
}

/**
 * A clock that was set back makes entries last. By a little it may: a correction of some milliseconds must not make the map
 * forget everything. An entry that lies further in the future than it was to last is expired.
 */
function isExpired({ since, until }: Entry<unknown>, now: number): boolean {
  return now >= until || since - now > until - since;
}

const LONGEST = 200;
const HASHED = 'sha256:';

/**
 * The key itself where it is short, otherwise its hash: a key that strangers choose, such as an address, may have any length,
 * and a bounded number of keys bounds memory only where each of them is bounded.
 */
export function boundedKey(key: string): string {
  // A short one that looks like a hash would be taken for the long one that has it.
  if (key.length <= LONGEST && !key.startsWith(HASHED)) return key;
  return HASHED + createHash('sha256').update(key, 'utf8').digest('base64url');
}
