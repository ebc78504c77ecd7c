import { copied } from './copied.js';
import { ProtocolError } from './protocol-error.js';

/** Gets frames; the bytes are those of the chunk that came in, or of one buffer put together from several. */
export interface FrameHandler {
  /** A whole frame; its data is `data[start, end)`. `offset` is where it began in the connection. */
  frame(letter: number, data: Buffer, start: number, end: number, offset: number): void;
  /**
   * A part of a streamed frame, in order; `last` ends it. An empty frame is one empty part. Where its bytes are `lent`,
   * they are others after the call.
   */
  part(data: Buffer, start: number, end: number, last: boolean, lent: boolean): void;
}

const HEAD = 5;
/** So many lent bytes are copied as they are: to tell which of them have to be would cost more. */
const SMALL = 8_192;

/**
 * Cuts a byte stream into frames, however it was split.
 *
 * A frame within one chunk is passed on where it lies. One that spans chunks is passed on in parts if its letter is
 * `streamed`, else put together in a buffer that grows as bytes arrive: announcing much causes no large allocation.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #known: Uint8Array;
  readonly #streamed: number;
  #maxLength: number;
  /** Bytes of this connection before the current chunk. */
  #base = 0;
  /** Of the frame in progress: its first bytes until there are five of them. */
  #head: Buffer | undefined;
  #headBytes = 0;
  /** Then its letter (-1: no frame), where it began, the data still to come and what is there of it. */
  #letter = -1;
  #offset = 0;
  #missing = 0;
  #store: Buffer | undefined;
  #stored = 0;

  /**
   * @param known for each byte whether it is a letter
   * @param streamed the letter of the frames to pass on in parts
   */
  constructor(handler: FrameHandler, known: Uint8Array, maxData: number, streamed = '') {
    this.#handler = handler;
    this.#known = known;
    this.#maxLength = maxData + 1;
    this.#streamed = streamed === '' ? -1 : streamed.charCodeAt(0);
  }

  set maxData(bytes: number) {
    this.#maxLength = bytes + 1;
  }

  /** Whether a frame has begun and not ended. */
  get midFrame(): boolean {
    return this.#letter !== -1 || this.#headBytes > 0;
  }

  /** Where in the stream that frame began. */
  get began(): number | undefined {
    return this.midFrame ? this.#offset : undefined;
  }

  /** How many bytes are held for it. */
  get held(): number {
    return this.#store?.length ?? 0;
  }

  /** Releases it: no more bytes come. */
  forget(): void {
    this.#store = undefined;
  }

  /** Throws where the stream may not end here. */
  end(): void {
    if (!this.midFrame) return;
    const name = this.#letter === -1 ? undefined : String.fromCharCode(this.#letter);
    throw new ProtocolError('the connection ended within the frame', name, this.#offset);
  }

  /**
   * Takes the next bytes; throws a `ProtocolError` at a length or a letter that cannot be, as soon as it is there.
   *
   * @param isLent the bytes are others after the call: what is no part of a streamed frame is passed on as a copy
   */
  push(bytes: Buffer, isLent = false): void {
    const size = bytes.length;
    const isOther = this.midFrame && this.#letter !== this.#streamed;
    const lent = isLent && size > SMALL && !isOther;
    const chunk = isLent && !lent ? copied(bytes) : bytes;
    /** Frames in a row that are not streamed, where they are copied together. */
    let [others, begin, stop] = [chunk, 0, lent ? 0 : size];
    let at = this.midFrame ? this.#resume(chunk, 0, lent) : 0;
    while (size - at >= HEAD) {
      const length = chunk.readUInt32BE(at);
      const letter = chunk[at + 4] ?? 0;
      const offset = this.#base + at;
      this.#checkLength(length, offset);
      this.#checkLetter(letter, offset);
      const end = at + 4 + length;
      if (end > size) {
        this.#begin(letter, length - 1, offset);
        at = this.#resume(chunk, at + HEAD, lent);
        break;
      }
      if (letter === this.#streamed) {
        this.#handler.part(chunk, at + HEAD, end, true, lent);
      } else {
        if (end > stop) {
          begin = at;
          stop = this.#endOfOthers(chunk, end);
          others = copied(chunk.subarray(begin, stop));
        }
        this.#handler.frame(letter, others, at + HEAD - begin, end - begin, offset);
      }
      at = end;
    }
    if (at < size) this.#stash(chunk, at);
    this.#base += size;
  }

  /** Where the frames end that follow on one which is not streamed, and are not either. */
  #endOfOthers(chunk: Buffer, from: number): number {
    let at = from;
    while (chunk.length - at >= HEAD && chunk[at + 4] !== this.#streamed) {
      const end = at + 4 + chunk.readUInt32BE(at);
      if (end > chunk.length) break;
      at = end;
    }
    return at;
  }

  #checkLetter(letter: number, offset: number): void {
    if (this.#known[letter] === 1) return;
    throw new ProtocolError('this letter is unknown', String.fromCharCode(letter), offset);
  }

  #checkLength(length: number, offset: number): void {
    if (length === 0) throw new ProtocolError('its length is 0, so it has no command', undefined, offset);
    if (length > this.#maxLength) {
      const reason = `its length is ${length}, and ${this.#maxLength} is the limit`;
      throw new ProtocolError(reason, undefined, offset);
    }
  }

  /** Keeps the first bytes of a frame that has not even got its letter yet. */
  #stash(chunk: Buffer, at: number): void {
    this.#head = Buffer.allocUnsafeSlow(HEAD);
    this.#offset = this.#base + at;
    this.#headBytes = chunk.copy(this.#head, 0, at);
    if (this.#headBytes >= 4) this.#checkLength(this.#head.readUInt32BE(0), this.#offset);
  }

  #begin(letter: number, missing: number, offset: number): void {
    this.#letter = letter;
    this.#missing = missing;
    this.#offset = offset;
    this.#head = undefined;
    this.#headBytes = 0;
  }

  /** Goes on with the frame in progress; returns where in the chunk it ended, or the chunk's end. */
  #resume(chunk: Buffer, from: number, lent: boolean): number {
    let at = from;
    if (this.#head !== undefined) {
      const taken = chunk.copy(this.#head, this.#headBytes, at);
      at += taken;
      this.#headBytes += taken;
      if (this.#headBytes >= 4) this.#checkLength(this.#head.readUInt32BE(0), this.#offset);
      if (this.#headBytes < HEAD) return at;
      const letter = this.#head[4] ?? 0;
      this.#checkLetter(letter, this.#offset);
      this.#begin(letter, this.#head.readUInt32BE(0) - 1, this.#offset);
    }
    const end = Math.min(chunk.length, at + this.#missing);
    this.#missing -= end - at;
    if (this.#letter === this.#streamed) this.#pass(chunk, at, end, lent);
    else this.#keep(chunk, at, end);
    return end;
  }

  #pass(chunk: Buffer, start: number, end: number, lent: boolean): void {
    const last = this.#missing === 0;
    if (last) this.#letter = -1;
    if (last || end > start) this.#handler.part(chunk, start, end, last, lent);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    const letter = this.#letter;
    const need = this.#stored + end - start;
    if (this.#missing === 0 && this.#stored === 0) {
      this.#letter = -1;
      this.#handler.frame(letter, chunk, start, end, this.#offset);
      return;
    }
    if (this.#store === undefined || this.#store.length < need) {
      const room = this.#missing === 0 ? need : Math.min(need + this.#missing, Math.max(256, 2 * need));
      const grown = Buffer.allocUnsafeSlow(room);
      this.#store?.copy(grown, 0, 0, this.#stored);
      this.#store = grown;
    }
    chunk.copy(this.#store, this.#stored, start, end);
    this.#stored = need;
    if (this.#missing > 0) return;
    const whole = this.#store;
    this.#letter = -1;
    this.#store = undefined;
    this.#stored = 0;
    this.#handler.frame(letter, whole, 0, need, this.#offset);
  }
}
