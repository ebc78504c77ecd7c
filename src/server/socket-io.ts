import type { Socket } from 'node:net';

import { type ConnectionOwner, type ConnectionIo } from '../session/connection/boundary.js';
import { Connection } from '../session/connection/connection.js';
import type { ResolvedOptions } from '../session/options.js';
import { readSocket } from './read-socket.js';

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
    // Not only our side: an MTA looks at the connection again only when its SMTP client has something to say.
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Lets a socket that an MTA has opened speak the protocol. */
export function connectSocket(socket: Socket, options: ResolvedOptions, owner: ConnectionOwner): Connection {
  const connection = new Connection(new SocketIo(socket), options, owner);
  const over = (): void => connection.eof();
  readSocket(socket, connection);
  socket
    .on('end', over)
    .on('close', over)
    .on('drain', () => connection.drained())
    .on('error', (error: NodeJS.ErrnoException) => {
      // An MTA that resets the connection, or is gone before its answer, is a connection that is over, and no more.
      connection.eof(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : error);
    });
  return connection;
}
