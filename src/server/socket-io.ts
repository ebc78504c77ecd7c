import type { Socket } from 'node:net';

import { type ConnectionOwner, type ConnectionIo } from '../session/connection/boundary.js';
import { Connection } from '../session/connection/connection.js';
import type { ResolvedOptions } from '../session/options.js';

/** One buffer for the reads of all sockets, as large as Node's own: each is copied out before the next. */
const SHARED = Buffer.allocUnsafeSlow(65536);

/** What is copied out: a piece of memory for each read would cost more than the read of a small command. */
const ROOM = 32_768;
let room = Buffer.alloc(0);
let used = 0;

/** The first bytes of the shared buffer, copied. A large part has memory of its own. */
function copied(bytes: number): Buffer {
  if (bytes > ROOM / 4) return Buffer.from(SHARED.subarray(0, bytes));
  if (used + bytes > room.length) {
    room = Buffer.allocUnsafeSlow(ROOM);
    used = 0;
  }
  const chunk = room.subarray(used, used + bytes);
  SHARED.copy(chunk, 0, 0, bytes);
  used += bytes;
  return chunk;
}

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
  if (how === 'shared' && share(socket, reader)) {
    socket.resume();
    return true;
  }
  socket.on('data', (chunk) => reader.receive(chunk));
  return false;
}

function share(socket: Socket, reader: SocketReader): boolean {
  const internals = internalsOf(socket);
  const handle = (socket as { _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null })._handle;
  if (internals === undefined || typeof handle?.useUserBuffer !== 'function') return false;
  const receive = (bytes: number): boolean => {
    reader.receive(copied(bytes));
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

/** Lets a socket that an MTA has opened speak the protocol. */
export function connectSocket(
  socket: Socket,
  options: ResolvedOptions,
  owner: ConnectionOwner,
  plain = true,
): Connection {
  const io: ConnectionIo = {
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    // Not only our side: an MTA looks at the connection again only when its SMTP client has something to say.
    end: () => socket.destroySoon(),
    destroy: () => socket.destroy(),
  };
  const connection = new Connection(io, options, owner);
  const over = (): void => connection.eof();
  // What a socket with TLS reads from is not what it hands on.
  readSocket(socket, connection, plain ? 'shared' : 'plain');
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
