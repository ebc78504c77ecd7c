import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import type { Duplex } from 'node:stream';

import { messageOf } from '../../common/text-of.js';
import { type Endpoint, formatEndpoint } from '../../transport/sockets/endpoint.js';
import { FrameReader } from '../../transport/wire/frame-reader.js';
import { ProtocolError } from '../../transport/wire/protocol-error.js';
import { replyCodec, type WireReply } from '../../transport/wire/replies.js';
import { MilterError } from './milter-error.js';

/** So many replies are kept that were not asked for yet; then the milter has to wait. */
const MOST_WAITING = 256;

/**
 * Connects to a milter.
 *
 * @param timeout in milliseconds
 * @throws MilterError where the connection is refused or does not come in time; the reason of the signal
 */
export async function connectTo(endpoint: Endpoint, timeout: number, signal?: AbortSignal): Promise<Socket> {
  const socket =
    endpoint.family === 'unix'
      ? connect({ path: endpoint.path })
      : connect({
          host: endpoint.host,
          port: endpoint.port,
          family: endpoint.family === 'inet' ? 4 : 6,
          noDelay: true,
        });
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeout);
  // It stays: an error that comes later, between two listeners, must not end the process.
  socket.on('error', () => undefined);
  try {
    const signals = signal === undefined ? [late.signal] : [late.signal, signal];
    await once(socket, 'connect', { signal: AbortSignal.any(signals) });
    return socket;
  } catch (error) {
    socket.destroy();
    signal?.throwIfAborted();
    const at = formatEndpoint(endpoint);
    if (late.signal.aborted) {
      throw new MilterError('timeout', 'connect', `${at}: no connection within ${timeout} ms`);
    }
    throw new MilterError('connect', 'connect', `${at}: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The milter's end of a connection: bytes go out, replies come in and are taken one by one. The first failure stays. */
export class ReplyStream {
  stage = 'optneg';
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  readonly #arrived: WireReply[] = [];
  readonly #signal: AbortSignal | undefined;
  #failure: MilterError | undefined;
  #closed = false;
  /** Called at a reply, a failure, and room to write. */
  #wake: () => void = () => undefined;

  /** @param signal closes the connection; after that everything throws its reason */
  constructor(socket: Duplex, maxData: number, signal?: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    const aborted = (): void => {
      this.destroy();
      this.#wake();
    };
    signal?.addEventListener('abort', aborted);
    const take = (letter: number, data: Buffer, start: number, end: number, offset: number): void => {
      this.#arrived.push(replyCodec.decode(letter, data, start, end, offset));
    };
    this.#reader = new FrameReader({ frame: take, part: () => undefined }, replyCodec.known, maxData);
    socket.on('data', (chunk: Buffer) => {
      this.#read(() => this.#reader.push(chunk));
      if (this.#arrived.length >= MOST_WAITING) socket.pause();
    });
    socket.on('end', () => {
      this.#read(() => this.#reader.end());
      this.#fail('disconnect', 'it closed the connection');
    });
    socket.on('error', (error: Error) => this.#fail('disconnect', error.message, error));
    socket.on('close', () => {
      signal?.removeEventListener('abort', aborted);
      this.#closed = true;
      this.#fail('disconnect', 'the connection was closed');
    });
    socket.on('drain', () => this.#wake());
  }

  /** Throws where there is a reply that was not asked for: it would be taken for the answer to the next event. */
  checkSilence(): void {
    if (this.#arrived.length > 0) {
      this.destroy();
      throw new MilterError('protocol', this.stage, 'it replied though nothing was asked');
    }
    if (this.#failure?.kind === 'protocol') throw this.#failure;
  }

  /** Writes, and waits for the milter to read where it is slow; not for longer than `timeout` milliseconds. */
  async write(bytes: Uint8Array, timeout: number): Promise<void> {
    this.#signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#socket.write(bytes)) return;
    await this.#until(() => !this.#socket.writableNeedDrain, timeout, 'it did not read');
  }

  async next(timeout: number): Promise<WireReply> {
    await this.#until(() => this.#arrived.length > 0, timeout, 'it did not reply');
    const reply = this.#arrived.shift();
    if (this.#socket.isPaused() && this.#arrived.length < MOST_WAITING) this.#socket.resume();
    if (reply === undefined) throw new MilterError('protocol', this.stage, 'two commands at once');
    return reply;
  }

  /** Waits for `time` milliseconds, or until a reply has come or the connection has gone. */
  async quiet(time: number): Promise<void> {
    await this.#wait(() => this.#arrived.length > 0 || this.#failure !== undefined, time);
  }

  /** Waits for the connection to end, at most `timeout` milliseconds. */
  async ended(timeout: number): Promise<void> {
    this.#socket.end();
    await this.#wait(() => this.#closed, timeout);
    this.#socket.destroy();
    await this.#wait(() => this.#closed, timeout);
  }

  /** Closes this end of the connection as soon as everything is written. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #until(done: () => boolean, timeout: number, otherwise: string): Promise<void> {
    await this.#wait(() => done() || this.#failure !== undefined, timeout);
    if (!done()) throw this.#fail('timeout', `${otherwise} within ${timeout} ms`);
  }

  async #wait(done: () => boolean, time: number): Promise<void> {
    const wait = { late: false };
    const timer = setTimeout(() => {
      wait.late = true;
      this.#wake();
    }, time);
    while (!done() && !wait.late && this.#signal?.aborted !== true) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    clearTimeout(timer);
    this.#signal?.throwIfAborted();
  }

  #read(run: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      run();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail('protocol', error.reason, error);
    }
    this.#wake();
  }

  /** Returns the first failure. */
  #fail(kind: 'protocol' | 'timeout' | 'disconnect', reason: string, cause?: Error): MilterError {
    this.#failure ??= new MilterError(kind, this.stage, reason, { cause });
    if (kind !== 'disconnect') this.#socket.destroy();
    this.#wake();
    return this.#failure;
  }
}
