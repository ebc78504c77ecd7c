import type { Socket } from 'node:net';

import { Connection, type ConnectionOwner } from '../session/connection.js';
import type { ResolvedOptions } from '../session/options.js';
import type { ConnectionIo } from '../session/connection-io.js';

/** Under this symbol a socket knows its connection, so that all sockets can share their listeners. */
const CONNECTION: unique symbol = Symbol('rxmilter.connection');

type MilterSocket = Socket & { [CONNECTION]?: Connection };

/** A socket, as a connection uses it. */
class SocketIo implements ConnectionIo {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    // What the MTA may still be sending is of no interest; not reading it would keep the socket from closing.
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Lets a socket that an MTA has opened speak the protocol. */
export function connectSocket(socket: Socket, options: ResolvedOptions, owner: ConnectionOwner): Connection {
  const connection = new Connection(new SocketIo(socket), options, owner);
  (socket as MilterSocket)[CONNECTION] = connection;
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd).on('drain', onDrain);
  return connection;
}

function onData(this: MilterSocket, chunk: Buffer): void {
  this[CONNECTION]?.receive(chunk);
}

function onEnd(this: MilterSocket): void {
  this[CONNECTION]?.eof();
}

function onError(this: MilterSocket, error: NodeJS.ErrnoException): void {
  // An MTA that resets the connection, or is gone before its answer, is a connection that is over, and no more.
  const usual = error.code === 'ECONNRESET' || error.code === 'EPIPE';
  this[CONNECTION]?.eof(usual ? undefined : error);
}

function onDrain(this: MilterSocket): void {
  this[CONNECTION]?.drained();
}
