import { Readable } from 'node:stream';

import type { ChunkFlow, OpenChunks } from '../spool/chunk-flow.js';
import { CALM } from './calm-readable.js';

const HIGH_WATER = 65_536;

/**
 * The pieces of a body as a Node stream, that asks for no more than it has room for (64 KiB).
 It is to be
 * looked after by `calmReadable`.
 */
export class ChunkReadable extends Readable {
  readonly #flow: ChunkFlow;

  constructor(open: OpenChunks) {
    super({ highWaterMark: HIGH_WATER, ...CALM });
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

  /** A tick later: what listeners do is not to be in the middle of the MTA's connection. */
  #give(chunk: Uint8Array | null): void {
    process.nextTick(() => this.push(chunk));
  }
}
