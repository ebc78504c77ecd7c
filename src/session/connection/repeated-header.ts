const CR = 0x0d;
const LF = 0x0a;

/**
 * Cuts off the header of a message where it stands in front of its body, up to the empty line after it; the pieces may
 * be cut anywhere.
 *
 * A body that does not begin with the header that was shown is left as it is.
 */
export class RepeatedHeader {
  /** The name of the first field and its colon, in small letters; empty where there is none. */
  readonly #first: Buffer;
  /** What has come of the first field's name. */
  #begun: Buffer = Buffer.alloc(0);
  /** Whether the last byte but CR was the end of a line. */
  #lineBegins = true;
  #state: 'begins' | 'header' | 'body' = 'begins';

  constructor(names: readonly string[]) {
    const [first] = names;
    this.#first = Buffer.from(first === undefined ? '' : `${first.toLowerCase()}:`, 'latin1');
    if (first === undefined) this.#state = 'header';
  }

  /** The part of the next piece that is body. */
  cut(piece: Buffer): Buffer {
    if (this.#state === 'body') return piece;
    return this.#state === 'begins' ? this.#begin(piece) : this.#skip(piece);
  }

  #begin(piece: Buffer): Buffer {
    const begun = Buffer.concat([this.#begun, piece]);
    const common = Math.min(begun.length, this.#first.length);
    const found = begun.toString('latin1', 0, common).toLowerCase();
    if (found !== this.#first.toString('latin1', 0, common)) {
      this.#state = 'body';
      return begun;
    }
    this.#begun = begun;
    if (begun.length < this.#first.length) return begun.subarray(begun.length);
    this.#state = 'header';
    return this.#skip(begun);
  }

  #skip(piece: Buffer): Buffer {
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      if (byte === LF && this.#lineBegins) {
        this.#state = 'body';
        return piece.subarray(at + 1);
      }
      if (byte !== CR) this.#lineBegins = byte === LF;
    }
    return piece.subarray(piece.length);
  }
}
