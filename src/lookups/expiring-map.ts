import { createHash } from 'node:crypto';

/** An entry in a ring. The one that holds the ring together, between the newest and the oldest, never expires. */
class Entry<V> {
  readonly key: unknown;
  value: V | undefined;
  since = 0;
  until = Infinity;
  /** Written before it, and after it. */
  older: Entry<V> = this;
  newer: Entry<V> = this;

  constructor(key?: unknown) {
    this.key = key;
  }
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
  /** A `Map` has an order, too, but walks over all that was deleted to find its first. */
  #ring = new Entry<V>();

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
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#sweep(now);
      if (this.#entries.size >= this.#maxKeys) this.#remove(this.#ring.newer);
      entry = new Entry<V>(key);
      this.#entries.set(key, entry);
    }
    entry.value = value;
    entry.since = now;
    entry.until = now + ttl;
    unlink(entry);
    const newest = this.#ring.older;
    entry.older = newest;
    entry.newer = this.#ring;
    newest.newer = entry;
    this.#ring.older = entry;
  }

  delete(key: unknown): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#ring = new Entry<V>();
  }

  #remove(entry: Entry<V>): void {
    this.#entries.delete(entry.key);
    unlink(entry);
  }

  #sweep(now: number): void {
    for (let left = SWEPT; left > 0; left--) {
      if (!isExpired(this.#ring.newer, now)) return;
      this.#remove(this.#ring.newer);
    }
  }
}

/** One that is in no ring is one by itself. */
function unlink({ older, newer }: Entry<unknown>): void {
  older.newer = newer;
  newer.older = older;
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
