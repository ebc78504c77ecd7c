import { randomUUID } from 'node:crypto';
import { close, closeSync, constants, openSync, read, unlinkSync, writev } from 'node:fs';
import { join } from 'node:path';

import { SpaceError } from './errors.js';

const MODE = 0o600;

/** Linux's `O_TMPFILE` (open(2)) without `O_DIRECTORY`, which differs between processors and belongs to it. */
const TMPFILE = 0o20_000_000;

/** The bytes in all files of the process: what fills a disk is their sum, whichever message they belong to. */
let taken = 0;

type Done = (error: NodeJS.ErrnoException | null, moved: number) => void;

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

  /** @throws SpaceError where all files together would be too large */
  reserve(bytes: number): void {
    if (taken + bytes > this.#most) throw new SpaceError(this.#most, taken, bytes);
    taken += bytes;
    this.#taken += bytes;
  }

  /** Writes the pieces, one behind the other, to a place that was not written before and has been reserved. */
  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    let [left, at] = [pieces, position];
    // The system may take them in several goes.
    while (left.length > 0) {
      const now = left;
      const start = at;
      const moved = await this.#run((done) => writev(this.#descriptor, now, start, done));
      if (moved === 0) throw new Error(`it ends at ${at}`);
      at += moved;
      left = behind(left, moved);
    }
  }

  /** Fills `bytes` from `position` on. */
  async read(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const start = at;
      const moved = await this.#run((done) =>
        read(this.#descriptor, bytes, start, bytes.length - start, position + start, done),
      );
      if (moved === 0) throw new Error(`it ends at ${position + at} instead of ${position + bytes.length}`);
      at += moved;
    }
  }

  /** Frees the file; as soon as what is being read or written is through. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #run(transfer: (done: Done) => void): Promise<number> {
    if (this.#closed) return Promise.reject(new Error('it is closed'));
    return new Promise((resolve, reject) => {
      // A descriptor that is closed under a running operation may be another file's by then, and that one would get the bytes.
      this.#running++;
      transfer((error, moved) => {
        this.#running--;
        this.#release();
        if (error === null) resolve(moved);
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

/** A file that had a name between two synchronous calls: only a SIGKILL can come in there. */
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

/** What is left of pieces of which so many bytes are done. */
function behind(pieces: readonly Uint8Array[], done: number): readonly Uint8Array[] {
  let [index, left] = [0, done];
  for (let piece = pieces[0]; piece !== undefined && left >= piece.length; piece = pieces[++index])
    left -= piece.length;
  const rest = pieces.slice(index);
  const [first] = rest;
  return first === undefined || left === 0 ? rest : [first.subarray(left), ...rest.slice(1)];
}
