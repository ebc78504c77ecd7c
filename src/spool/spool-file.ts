import { randomUUID } from 'node:crypto';
import { close, closeSync, constants, openSync, read, unlinkSync, write } from 'node:fs';
import { join } from 'node:path';

import { SpaceError } from './errors.js';

/** Only for the user that the filter runs as. */
const MODE = 0o600;

/** Linux's `O_TMPFILE` (open(2)) without `O_DIRECTORY`, which differs between processors and belongs to it. */
const TMPFILE = 0o20_000_000;

/** The bytes in all files of the process: what fills a disk is their sum, whichever message they belong to. */
let taken = 0;

/**
 * A file without a name: it is there as long as it is open.
 *
 * The system closes it however the process ends, be it by SIGKILL, and frees it with that. So nothing can be left behind
 * in the directory, and no other user can open what is in it.
 */
export class SpoolFile {
  readonly #descriptor: number;
  readonly #most: number;
  #taken = 0;
  #running = 0;
  #closed = false;

  /**
   * @param most the bytes that all such files of the process may have together
   * @throws the error of the operating system
   */
  constructor(directory: string, most: number) {
    this.#most = most;
    this.#descriptor = openNameless(directory) ?? openAndUnlink(directory);
  }

  /**
   * Writes all of `bytes` to a place that was not written before; the system may take them in several pieces.
   *
   * @throws SpaceError (the promise) where all files together would be too large
   */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#closed) throw new Error('it is closed');
    if (taken + bytes.length > this.#most) throw new SpaceError(this.#most, taken, bytes.length);
    taken += bytes.length;
    this.#taken += bytes.length;
    for (let done = 0; done < bytes.length;) {
      const from = done;
      done += await this.#run((callback) =>
        write(this.#descriptor, bytes, from, bytes.length - from, position + from, callback),
      );
    }
  }

  /** Fills `bytes` from `position` on. */
  async read(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const from = done;
      const got = await this.#run((callback) =>
        read(this.#descriptor, bytes, from, bytes.length - from, position + from, callback),
      );
      if (got === 0) throw new Error(`it ends at ${position + from} instead of ${position + bytes.length}`);
      done += got;
    }
  }

  /** Frees the file; as soon as what is being read or written is through. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #run(
    start: (callback: (error: NodeJS.ErrnoException | null, bytes: number) => void) => void,
  ): Promise<number> {
    if (this.#closed) return Promise.reject(new Error('it is closed'));
    return new Promise((resolve, reject) => {
      // A descriptor that is closed under a running operation may be another file's by then, and that one would get the bytes.
      this.#running++;
      start((error, bytes) => {
        this.#running--;
        this.#release();
        if (error === null) resolve(bytes);
        else reject(error);
      });
    });
  }

  #release(): void {
    if (!this.#closed || this.#running > 0) return;
    taken -= this.#taken;
    this.#taken = 0;
    // Freeing a large file takes a while. An error here is of no consequence: the bytes are not wanted any more.
    close(this.#descriptor, () => undefined);
  }
}

/** A file that never had a name; `undefined` where the system, or this file system, does not have such. */
function openNameless(directory: string): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return openSync(directory, TMPFILE | constants.O_DIRECTORY | constants.O_EXCL | constants.O_RDWR, MODE);
  } catch {
    // Where that is for another reason, the other way fails for the same one.
    return undefined;
  }
}

/**
 * A file that had a name for no longer than it takes. Both calls are synchronous, with nothing between them: neither
 * `process.exit()` nor an uncaught error in other code has a moment to come in, only a SIGKILL has.
 */
function openAndUnlink(directory: string): number {
  const path = join(directory, `rxmilter-${randomUUID()}`);
  const descriptor = openSync(path, 'wx+', MODE);
  try {
    unlinkSync(path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return descriptor;
}
