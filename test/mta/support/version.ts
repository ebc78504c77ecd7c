/** The version of a mail server. */
export class Version {
  readonly #parts: readonly number[];

  /** @param text numbers with dots between, and what may follow */
  constructor(text: string) {
    this.#parts = partsOf(text);
  }

  /**
   * Whether it is one of these releases, or a later one: `atLeast('3.11', '3.10.8')` is true of 3.10.9, 3.11.0 and 3.12.1,
   * and not of 3.10.7. A change is often in a first release of its own, and in the next one of each that is maintained.
   */
  atLeast(...releases: readonly string[]): boolean {
    const all = releases.map(partsOf).sort(compare);
    return all.some((release, at) => {
      const next = all[at + 1];
      const branch = [release[0] ?? 0, (release[1] ?? 0) + 1];
      return compare(this.#parts, release) >= 0 && (next === undefined || compare(this.#parts, branch) < 0);
    });
  }
}

function partsOf(text: string): number[] {
  return (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
