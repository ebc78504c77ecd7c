/** @typedef {import('../mail/plan.mjs').Step} Step */

/**
 * @typedef {object} Judge what a connection makes of the bytes that come back
 * @property {(steps: readonly Step[]) => void} begin
 * @property {(bytes: Buffer, size: number, at: number) => number} read takes the bytes that came at a step, and gives the
 * step that is next: the same one where more are due. Throws where they are wrong
 */

/** Compares each byte with the one that has to come. @implements {Judge} */
export class Exact {
  /** @type {readonly Step[]} */ #steps = [];
  #matched = 0;

  /** @param {readonly Step[]} steps */
  begin(steps) {
    this.#steps = steps;
    this.#matched = 0;
  }

  /** @param {Buffer} bytes @param {number} size @param {number} at */
  read(bytes, size, at) {
    const expect = this.#steps[at]?.expect;
    if (expect === undefined || this.#matched + size > expect.length)
      throw new Error(`the filter sent ${bytes.toString('hex', 0, size)}, more than expected`);
    for (let byte = 0; byte < size; byte++) {
      if (bytes[byte] !== expect[this.#matched + byte])
        throw new Error(`the filter sent ${bytes.toString('hex', 0, size)}, not ${expect.toString('hex')}`);
    }
    this.#matched += size;
    if (this.#matched < expect.length) return at;
    this.#matched = 0;
    return at + 1;
  }
}
