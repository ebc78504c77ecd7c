import { Readable } from 'node:stream';

import type { ChunkFlow, OpenChunks } from '../spool/chunk-flow.js';

const HIGH_WATER = 65_536;

/**
 * The pieces of a body as a Node stream, that asks for no more than it has room for (64 KiB).
 *
 * A message may be over at any time, and whoever has forgotten to listen for that must not lose the whole process: an
 * error is there to be listened to, but it is no uncaught one.
 */
export class ChunkReadable extends Readable {
  readonly #flow: ChunkFlow;

  constructor(open: OpenChunks) {
    super({ highWaterMark: HIGH_WATER });
    this.on('error', () => undefined);
    this.#flow = open({
      next: (chunk) => this.#give(chunk),
      end: () => this.#give(null),
      fail: (error) => void this.destroy(error),
    });
  }

  override _read(): void {
    this.#flow.ask();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#flow.stop();
    callback(error);
  }

  /** A tick later: listeners that throw are to do so on their own account, not in the middle of the MTA's connection. */
  #give(chunk: Uint8Array | null): void {
    process.nextTick(() => this.push(chunk));
  }
}
