import { constants } from 'node:buffer';
import { tmpdir } from 'node:os';

import { isA } from '../common/text-of.js';
import { BodyFileError, SpaceError } from './errors.js';
import { SpoolFile } from './spool-file.js';

const OVER =
  'The message is over, and its body is gone with it: read the body before the answer is given, or keep a copy.';

const PIECE = 65_536;

export interface BodyStoreOptions {
  /** As many bytes are kept in memory; from there on all of it is in a file. */
  readonly memory: number;
  readonly directory: string;
  /** The bytes that the files of all bodies in the process may have together. */
  readonly disk?: number;
}

/** Of bodies for which nothing else was said. */
export const DEFAULT_STORE: Required<BodyStoreOptions> = {
  memory: 262_144,
  // Asked for only where it is needed: that takes its time.
  get directory() {
    return tmpdir();
  },
  disk: 1_073_741_824,
};

/** Under this a body that is there as a whole, and can be read again, has the store that it stands for. */
export const STORE: unique symbol = Symbol('rxmilter.store');

/** So much is gathered for one write at most: a write costs as much as many bytes. */
const GATHERED = 262_144;

/** Memory in which bytes were gathered that are in a file by now. To allocate it anew costs garbage collections. */
const SPARE: Buffer[] = [];
const MOST_SPARE = 16;

function spare(room: Buffer): void {
  if (SPARE.length < MOST_SPARE) SPARE.push(room);
}

/**
 * Collects a body: in memory as it comes, and beyond a limit in a file without a name.
 *
 * What goes to the file is gathered, and written in one go; meanwhile the next pieces gather. What is left at the end
 * stays in memory.
 */
export class BodyStore {
  readonly #options: BodyStoreOptions;
  /** What is not in the file. */
  #chunks: Uint8Array[] = [];
  /** Made when memory is not enough. */
  #file: SpoolFile | undefined;
  /** The bytes that are in it. */
  #written = 0;
  /** One write at a time. */
  #writing: Promise<void> | undefined;
  #size = 0;
  #closed = false;
  #failure: Error | undefined;
  /** Where lent bytes are gathered: the last one is being filled. */
  #rooms: Buffer[] = [];
  #filled = GATHERED;

  constructor(options: BodyStoreOptions) {
    this.#options = options;
  }

  /** The store of that body, where it is one that has been collected. */
  static of(body: unknown): BodyStore | undefined {
    return typeof body === 'object' && body !== null
      ? (body as { readonly [STORE]?: BodyStore })[STORE]
      : undefined;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * All of it, where there is no file.
   *
   * @throws Error where it cannot be read (any more)
   */
  get pieces(): readonly Uint8Array[] | undefined {
    this.#check();
    return this.#file === undefined ? this.#chunks : undefined;
  }

  /**
   * Takes one piece more, without a copy where it is not `lent`; after `close()` it is dropped.
   *
   * @returns nothing where more may come; else a promise for when it may. Until then nothing more may be pushed
   * @throws BodyFileError (the promise) where the file cannot be made or written
   */
  push(chunk: Uint8Array, lent = false): Promise<void> | undefined {
    if (this.#closed || chunk.length === 0) return undefined;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#size += chunk.length;
    const { memory } = this.#options;
    const fits = this.#file === undefined && this.#size <= memory;
    if (!lent) this.#chunks.push(chunk);
    else if (fits) this.#chunks.push(Buffer.from(chunk));
    else this.#gather(chunk);
    if (fits) return undefined;
    try {
      this.#file = this.#reserved(chunk.length);
    } catch (error) {
      return Promise.reject(this.#failed(isA(error, SpaceError) ? 'written' : 'made', error));
    }
    const held = this.#size - this.#written;
    const most = Math.min(memory, GATHERED);
    if (held > most) this.#writing ??= this.#write(this.#file);
    return held > 2 * most ? this.#settled(this.#writing) : undefined;
  }

  /**
   * Nothing where no write is under way; else a promise for its end.
   *
   * @throws BodyFileError (the promise) where the file could not be written
   */
  settled(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#writing && this.#settled(this.#writing);
  }

  async #settled(writing: Promise<void> | undefined): Promise<void> {
    await writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Whether it is in memory, and the same bytes as these. */
  holds(bytes: Uint8Array): boolean {
    if (this.#file !== undefined || this.#closed || this.#size !== bytes.length) return false;
    let at = 0;
    return this.#chunks.every((chunk) => {
      const start = at;
      at += chunk.length;
      return Buffer.compare(chunk, bytes.subarray(start, at)) === 0;
    });
  }

  /** Frees memory and file. A reader, then or later, gets an error. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#free();
  }

  /** The pieces, as often as one likes: as they came, or of 64 KiB where they come from the file. */
  async *chunks(): AsyncGenerator<Uint8Array, undefined, undefined> {
    // How many pieces, and bytes, were given.
    let [index, position] = [0, 0];
    for (;;) {
      this.#check();
      if (this.#file === undefined) {
        const chunk = this.#chunks[index++];
        if (chunk === undefined) return undefined;
        position += chunk.length;
        yield chunk;
      } else {
        const length = Math.min(PIECE, this.#size - position);
        if (length === 0) return undefined;
        const chunk = await this.read(length, position);
        position += length;
        yield chunk;
      }
    }
  }

  /**
   * All of it in one buffer, with every byte copied once.
   *
   * @throws RangeError (the promise) where it is more than a buffer can hold
   */
  async bytes(): Promise<Buffer> {
    this.#check();
    if (this.#file === undefined) return Buffer.concat(this.#chunks);
    if (this.#size <= constants.MAX_LENGTH) return this.read(this.#size, 0);
    throw new RangeError(
      `The body has ${this.#size} bytes, more than one buffer can hold (${constants.MAX_LENGTH}): read it piece by piece.`,
    );
  }

  /** So many bytes of it from that position on. */
  async read(length: number, position: number): Promise<Buffer> {
    this.#check();
    const piece = Buffer.allocUnsafeSlow(length);
    const filed = Math.max(0, Math.min(length, this.#written - position));
    let at = this.#written;
    for (const chunk of this.#chunks) {
      const from = Math.max(0, position - at);
      if (at < position + length && from < chunk.length)
        piece.set(chunk.subarray(from, position + length - at), at + from - position);
      at += chunk.length;
    }
    try {
      if (filed > 0) await this.#file?.read(piece.subarray(0, filed), position);
    } catch (error) {
      this.#check();
      throw new BodyFileError('read', this.#options.directory, error);
    }
    this.#check();
    return piece;
  }

  /** Copies lent bytes to where they are written from. */
  #gather(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#filled === GATHERED) {
        this.#rooms.push(SPARE.pop() ?? Buffer.allocUnsafeSlow(GATHERED));
        this.#filled = 0;
      }
      const piece = chunk.subarray(at, at + GATHERED - this.#filled);
      const copy = this.#rooms.at(-1)?.subarray(this.#filled, this.#filled + piece.length);
      copy?.set(piece);
      if (copy !== undefined) this.#chunks.push(copy);
      this.#filled += piece.length;
      at += piece.length;
    }
  }

  /** A piece is in the file: with the last byte of it the memory of the first room is free. */
  #leave({ buffer, byteOffset, length }: Uint8Array): void {
    const [first] = this.#rooms;
    if (first?.buffer !== buffer || byteOffset + length < GATHERED) return;
    this.#rooms.shift();
    spare(first);
  }

  /** The file with room for so many bytes more, at first for all that there are. */
  #reserved(more: number): SpoolFile {
    const { directory, disk = DEFAULT_STORE.disk } = this.#options;
    const file = this.#file ?? new SpoolFile(directory, disk);
    try {
      file.reserve(this.#file === undefined ? this.#size : more);
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  async #write(file: SpoolFile): Promise<void> {
    try {
      while (!this.#closed && this.#size - this.#written > Math.min(this.#options.memory, GATHERED)) {
        const pieces = this.#chunks.slice();
        await file.write(pieces, this.#written);
        this.#chunks.splice(0, pieces.length);
        for (const piece of pieces) {
          this.#written += piece.length;
          this.#leave(piece);
        }
      }
    } catch (error) {
      if (!this.#closed) this.#failed('written', error);
    } finally {
      this.#writing = undefined;
    }
  }

  #failed(doing: string, error: unknown): Error {
    this.#failure = new BodyFileError(doing, this.#options.directory, error);
    this.#free();
    return this.#failure;
  }

  /** Throws where it cannot be read. Every store is closed in the end: the error is made only when it is needed. */
  #check(): void {
    if (this.#closed) throw new Error(OVER);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #free(): void {
    this.#chunks = [];
    // What is still being written is not wanted any more.
    for (const room of this.#rooms) spare(room);
    this.#rooms = [];
    this.#file?.close();
  }
}
