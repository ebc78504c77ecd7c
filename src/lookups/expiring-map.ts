interface Entry<V> {
  readonly value: V;
  readonly since: number;
  readonly until: number;
}

/** How many that are over are looked for at each writing: more than the one that is written, so that they get fewer. */
const SWEPT = 2;

/**
 * A map that is bounded by number and by time: the one that was written least recently goes first, and what is over is
 * as good as gone. Each call takes the same time however much is in it, and there is no timer.
 *
 * Memory of what is over is given back as others are written, or when it is asked for.
 */
export class ExpiringMap<V> {
  readonly #maxKeys: number;
  readonly #entries = new Map<unknown, Entry<V>>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is known of the key at that time; `undefined` also where it is over. */
  get(key: unknown, now: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (isOver(entry, now)) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry.value;
  }

  /** Keeps a value for `ttl` milliseconds, and makes it the newest. */
  set(key: unknown, value: V, now: number, ttl: number): void {
    this.#entries.delete(key);
    this.#sweep(now);
    if (this.#entries.size >= this.#maxKeys) this.#dropOldest();
    this.#entries.set(key, { value, since: now, until: now + ttl });
  }

  delete(key: unknown): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #dropOldest(): void {
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }

  #sweep(now: number): void {
    let left = SWEPT;
    for (const [key, entry] of this.#entries) {
      if (left-- === 0 || !isOver(entry, now)) return;
      this.#entries.delete(key);
    }
  }
}

/** A clock that was set back would let things last; what lies in the future is over, too. */
function isOver({ since, until }: Entry<unknown>, now: number): boolean {
  return now >= until || now < since;
}
