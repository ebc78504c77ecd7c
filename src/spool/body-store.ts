import { constants } from 'node:buffer';
import { tmpdir } from 'node:os';

import { BodyFileError } from './errors.js';
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

/** Collects a body: in memory as it comes, and beyond a limit in a file without a name. */
export class BodyStore {
  readonly #options: BodyStoreOptions;
  #chunks: Uint8Array[] = [];
  /** Made when memory is not enough … */
  #file: SpoolFile | undefined;
  /** … and read from when all that was in memory is in it. */
  #spilled = false;
  #written = 0;
  #size = 0;
  #closed = false;
  #failure: Error | undefined;

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
   * All of it, where it is in memory; `undefined` where it is in a file.
   *
   * @throws Error where it cannot be read (any more)
   */
  get pieces(): readonly Uint8Array[] | undefined {
    this.#check();
    return this.#spilled ? undefined : this.#chunks;
  }

  /**
   * Takes one piece more, without a copy; after `close()` it is dropped.
   *
   * @returns nothing when it is taken; else a promise for when it will be. Until then nothing more may be pushed
   * @throws BodyFileError (the promise) where the file cannot be made or written
   */
  push(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#closed || chunk.length === 0) return undefined;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#size += chunk.length;
    if (this.#file === undefined && this.#size <= this.#options.memory) {
      this.#chunks.push(chunk);
      return undefined;
    }
    return this.#spill(chunk);
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
    let position = 0;
    for (let index = 0; ; index++) {
      this.#check();
      const held = this.#spilled ? undefined : this.#chunks[index];
      const length = this.#spilled ? Math.min(PIECE, this.#written - position) : 0;
      if (held === undefined && length === 0) return undefined;
      const chunk = held ?? (await this.read(length, position));
      position += chunk.length;
      yield chunk;
    }
  }

  /**
   * All of it in one buffer, with every byte copied once.
   *
   * @throws RangeError (the promise) where it is more than a buffer can hold
   */
  async bytes(): Promise<Buffer> {
    this.#check();
    if (!this.#spilled) return Buffer.concat(this.#chunks);
    if (this.#written <= constants.MAX_LENGTH) return this.read(this.#written, 0);
    throw new RangeError(
      `The body has ${this.#written} bytes, more than one buffer can hold (${constants.MAX_LENGTH}): read it piece by piece.`,
    );
  }

  /** So many bytes of it from that position on, where it is in a file. */
  async read(length: number, position: number): Promise<Buffer> {
    const piece = Buffer.allocUnsafeSlow(length);
    try {
      await this.#file?.read(piece, position);
    } catch (error) {
      this.#check();
      throw new BodyFileError('read', this.#options.directory, error);
    }
    this.#check();
    return piece;
  }

  async #spill(chunk: Uint8Array): Promise<void> {
    const { directory, disk = DEFAULT_STORE.disk } = this.#options;
    let doing = 'made';
    try {
      const file = (this.#file ??= new SpoolFile(directory, disk));
      doing = 'written';
      for (const each of [...this.#chunks, chunk]) {
        await file.write(each, this.#written);
        this.#written += each.length;
      }
      this.#spilled = true;
      this.#chunks = [];
    } catch (error) {
      if (this.#closed) return;
      this.#failure = new BodyFileError(doing, directory, error);
      this.#free();
      throw this.#failure;
    }
  }

  /** Throws where it cannot be read. Every store is closed in the end: the error is made only when it is needed. */
  #check(): void {
    if (this.#closed) throw new Error(OVER);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #free(): void {
    this.#chunks = [];
    this.#file?.close();
  }
}
