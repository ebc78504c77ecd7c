import type { Socket } from 'node:net';

import { mayUseInternals } from '../common/node-internals.js';
import { type ConnectionOwner, type ConnectionIo } from '../session/connection/boundary.js';
import { Connection } from '../session/connection/connection.js';
import type { ResolvedOptions } from '../session/options.js';

/** One buffer for the reads of all sockets, as large as Node's own: it is lent until the next read. */
const SHARED = Buffer.allocUnsafeSlow(65536);

type SocketReader = Pick<Connection, 'receive'>;

/**
 * Hands on what the socket reads, and says whether through the shared buffer; `plain` never does.
 *
 * For each read Node allocates 64 KiB, a good part of the time of a small answer. Its `onread` option avoids that for
 * sockets that connect. Here it is set up for accepted ones, the way Node does it, where this Node has what that
 * takes.
 */
export function readSocket(
  socket: Socket,
  reader: SocketReader,
  how: 'shared' | 'plain' = 'shared',
): boolean {
  if (how === 'shared' && mayUseInternals && share(socket, reader)) {
    socket.resume();
    return true;
  }
  socket.on('data', (chunk) => reader.receive(chunk, false));
  return false;
}

function share(socket: Socket, reader: SocketReader): boolean {
  const internals = internalsOf(socket);
  const handle = (socket as { _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null })._handle;
  if (internals === undefined || typeof handle?.useUserBuffer !== 'function') return false;
  const receive = (bytes: number): boolean => {
    reader.receive(SHARED.subarray(0, bytes), true);
    return true;
  };
  Object.assign(socket, { [internals.buffer]: SHARED, [internals.callback]: receive });
  handle.useUserBuffer(SHARED);
  return true;
}

/** What Node's `onread` option sets up, without a public name on a socket that a server has accepted. */
interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
}

let found: Internals | undefined;

function internalsOf(socket: Socket): Internals | undefined {
  if (found !== undefined) return found;
  const symbols = Object.getOwnPropertySymbols(socket);
  const buffer = symbols.find((symbol) => symbol.description === 'kBuffer');
  const callback = symbols.find((symbol) => symbol.description === 'kBufferCb');
  if (buffer !== undefined && callback !== undefined) found = { buffer, callback };
  return found;
}

/** A socket as its connection has it. */
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

  /** Not only our side: an MTA looks at the connection again only when its SMTP client has something to say. */
  end(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Under this a socket has its connection: listeners of its own would be a third of what an idle connection takes. */
const CONNECTION: unique symbol = Symbol('rxmilter.connection');

interface Connected extends Socket {
  readonly [CONNECTION]: Connection;
}

function onOver(this: Socket): void {
  (this as Connected)[CONNECTION].eof();
}

function onDrain(this: Socket): void {
  (this as Connected)[CONNECTION].drained();
}

/** An MTA that resets the connection, or is gone before its answer, is a connection that is over, and no more. */
function onError(this: Socket, error: NodeJS.ErrnoException): void {
  const isGone = error.code === 'ECONNRESET' || error.code === 'EPIPE';
  (this as Connected)[CONNECTION].eof(isGone ? undefined : error);
}

/** Lets a socket that an MTA has opened speak the protocol. */
export function connectSocket(
  socket: Socket,
  options: ResolvedOptions,
  owner: ConnectionOwner,
  plain = true,
): Connection {
  const connection = new Connection(new SocketIo(socket), options, owner);
  // What a socket with TLS reads from is not what it hands on.
  readSocket(socket, connection, plain ? 'shared' : 'plain');
  Object.assign(socket, { [CONNECTION]: connection });
  socket.on('end', onOver).on('close', onOver).on('drain', onDrain).on('error', onError);
  return connection;
}
