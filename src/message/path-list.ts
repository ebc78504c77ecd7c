import type { EnvelopePath } from './envelope-path.js';

/** Paths in order, found by what they have in common: a message may have ten thousand, and each may be asked for. */
export class PathList {
  readonly #keyOf: (path: EnvelopePath) => string;
  /** With a gap where one was deleted. */
  readonly #paths: (EnvelopePath | undefined)[] = [];
  readonly #places = new Map<string, number[]>();
  #length = 0;

  constructor(paths: readonly EnvelopePath[], keyOf: (path: EnvelopePath) => string) {
    this.#keyOf = keyOf;
    for (const path of paths) this.push(path);
  }

  get length(): number {
    return this.#length;
  }

  /** All of them, as they are now. */
  all(): EnvelopePath[] {
    return this.#paths.filter((path) => path !== undefined);
  }

  /** Those with the key. */
  find(key: string): EnvelopePath[] {
    return (this.#places.get(key) ?? []).flatMap((place) => this.#paths[place] ?? []);
  }

  /** Adds one at the end. */
  push(path: EnvelopePath): void {
    const key = this.#keyOf(path);
    const place = this.#paths.push(path) - 1;
    this.#length++;
    const places = this.#places.get(key);
    if (places === undefined) this.#places.set(key, [place]);
    else places.push(place);
  }

  /** Puts another with the same key in the place of the first. */
  replaceFirst(path: EnvelopePath): void {
    const place = this.#places.get(this.#keyOf(path))?.[0];
    if (place !== undefined) this.#paths[place] = path;
  }

  /** Deletes those with the key; how many they were. */
  delete(key: string): number {
    const places = this.#places.get(key) ?? [];
    for (const place of places) this.#paths[place] = undefined;
    this.#places.delete(key);
    this.#length -= places.length;
    return places.length;
  }
}
