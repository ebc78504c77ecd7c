import { randomUUID } from 'node:crypto';
import { close, closeSync, openSync, read, unlinkSync, write } from 'node:fs';
import { join } from 'node:path';

/** Only for the one who runs the filter. */
const MODE = 0o600;

/** A file without a name: it is there as long as it is open. */
export class SpoolFile {
  readonly #descriptor: number;
  #running = 0;
  #closed = false;

  /** @throws what the operating system says to it */
  constructor(directory: string) {
    const path = join(directory, `rxmilter-${randomUUID()}`);
    this.#descriptor = openSync(path, 'wx+', MODE);
    // Without its name the file lives as long as the descriptor, and the system closes that however the process ends,
    // be it by SIGKILL. So nothing can be left behind that anybody would have to look for. Both calls are synchronous,
    // with nothing between them: neither process.exit() nor an uncaught error in other code has a moment to come in.
    try {
      unlinkSync(path);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Writes all of `bytes`; the system may take them in several pieces. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
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
    // Freeing a large file takes a while. An error here is of no consequence: the bytes are not wanted any more.
    close(this.#descriptor, () => undefined);
  }
}
