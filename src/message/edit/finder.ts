/** Finds the last match of a pattern in bytes that come piece by piece. */
export class Finder {
  /** Where it begins, in bytes; -1 where there is none. */
  at = -1;
  readonly #pattern: RegExp;
  readonly #longest: number;
  #carry = '';
  #seen = 0;

  /**
   * @param pattern whose case does not matter, and in which `^` is the beginning of a line
   * @param longest the most bytes of a match, with one before it
   */
  constructor(pattern: string, longest: number) {
    this.#pattern = new RegExp(pattern, 'gim');
    this.#longest = longest;
  }

  push({ buffer, byteOffset, length }: Uint8Array): void {
    const text = this.#carry + Buffer.from(buffer, byteOffset, length).toString('latin1');
    for (const { index } of text.matchAll(this.#pattern)) this.at = this.#seen - this.#carry.length + index;
    this.#seen += length;
    this.#carry = text.slice(-this.#longest);
  }
}
