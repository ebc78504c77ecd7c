import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

import { within } from '../../support/within.js';
import type { Frame } from './frames.js';

/** A connection to a filter, as an MTA has it: writes frames and reads frames. */
export class Wire {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #over = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on('error', () => undefined); // a filter that resets the connection has closed it
    socket.on('close', () => {
      this.#over = true;
      this.#wake();
    });
  }

  static async open(path: string): Promise<Wire> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    return new Wire(socket);
  }

  send(bytes: Uint8Array): void {
    if (!this.#over) this.#socket.write(bytes);
  }

  /** The next frame; `undefined` where the filter has closed the connection instead. */
  async next(waitingFor: string): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#take();
      if (frame !== undefined || this.#over) return frame;
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      await within(woken, () => waitingFor);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(): Frame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 5) return undefined;
    const end = 4 + bytes.readUInt32BE(0);
    if (bytes.length < end) return undefined;
    this.#bytes = bytes.subarray(end);
    return { letter: bytes.toString('latin1', 4, 5), data: bytes.subarray(5, end) };
  }
}
