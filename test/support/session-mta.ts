import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { bytesOf, framesIn, type Bytes } from './session-frames.js';

/** An MTA that knows nothing of the protocol: a socket that bytes are written to. */
export class SocketMta {
  readonly socket: Socket;
  /** Resolves when the connection is closed, however that came. */
  readonly closed: Promise<void>;
  #bytes = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake?.();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        resolve();
        this.#wake?.();
      });
    });
  }

  send(...what: readonly Bytes[]): void {
    this.socket.write(bytesOf(...what));
  }

  /** The next frames, in hexadecimal, as soon as there are that many. */
  async hears(count: number): Promise<string[]> {
    for (;;) {
      const end = this.#endOf(count);
      if (end !== undefined) {
        const taken = framesIn(this.#bytes.subarray(0, end));
        this.#bytes = this.#bytes.subarray(end);
        return taken;
      }
      if (this.socket.destroyed) {
        throw new Error(`The connection is closed; what came last was ${this.#bytes.toString('hex')}.`);
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Says something and waits for one frame. */
  async ask(...what: readonly Bytes[]): Promise<string[]> {
    this.send(...what);
    return this.hears(1);
  }

  /** All that came and was not asked for yet, once the connection is closed. */
  async rest(): Promise<string[]> {
    await this.closed;
    return framesIn(this.#bytes);
  }

  #endOf(count: number): number | undefined {
    let at = 0;
    for (let found = 0; found < count; found++) {
      if (at + 4 > this.#bytes.length) return undefined;
      at += 4 + this.#bytes.readUInt32BE(at);
      if (at > this.#bytes.length) return undefined;
    }
    return at;
  }
}

/** Connects to where a server says that it listens, for as long as the test lasts. */
export async function socketMta(address: string): Promise<SocketMta> {
  const endpoint = parseEndpoint(address);
  const socket = connect(
    endpoint.family === 'unix' ? { path: endpoint.path } : { port: endpoint.port, host: endpoint.host },
  );
  const mta = new SocketMta(socket);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return mta;
}
