import { USUAL } from './data-size.js';

/** Makes pieces that fill frames of the usual size out of pieces of any size. */
export class FullPieces {
  #gathered: Uint8Array[] = [];
  #bytes = 0;

  /** Takes a piece; gives what fills one frame or several, where there is enough for that. */
  push(piece: Uint8Array): Uint8Array | undefined {
    if (piece.length === 0) return undefined;
    this.#gathered.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes < USUAL) return undefined;
    const whole = this.rest();
    const left = whole.length % USUAL;
    if (left === 0) return whole;
    this.#gathered.push(whole.subarray(whole.length - left));
    this.#bytes = left;
    return whole.subarray(0, whole.length - left);
  }

  /** What is left, less than a frame. */
  rest(): Uint8Array {
    const [only] = this.#gathered;
    const all =
      only !== undefined && this.#gathered.length === 1 ? only : Buffer.concat(this.#gathered, this.#bytes);
    this.#gathered = [];
    this.#bytes = 0;
    return all;
  }
}
