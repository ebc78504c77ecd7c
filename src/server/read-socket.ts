import type { Socket } from 'node:net';

/**
 * One buffer for the reads of all sockets: what was read is copied out of it before anything else is read. It has the
 * size that Node itself would allocate anew for each read.
 */
const SHARED = Buffer.allocUnsafeSlow(65536);

/** Takes the bytes of a socket. */
export interface SocketReader {
  receive(chunk: Buffer): void;
}

/** What Node's `onread` option sets up, and has no public name for on a socket that a server has accepted. */
interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/**
 * Hands on what the socket reads.
 *
 * Of the time that a small answer takes Node spends a good part on the buffer of the read before it: 64 KiB are
 * allocated, cut to size, and collected later. Its `onread` option avoids that with one buffer for all reads, but is
 * for sockets that connect, not for those that a server accepts. So it is set up here the way Node does it, on Node
 * versions that have all of what that takes; on others, and for other streams, reads are what they usually are.
 *
 * @param how `plain` never uses the shared buffer
 * @returns whether the shared buffer is used
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
    const chunk = Buffer.allocUnsafe(bytes);
    SHARED.copy(chunk, 0, 0, bytes);
    reader.receive(chunk);
    return true;
  };
  Object.assign(socket, { [internals.buffer]: SHARED, [internals.callback]: receive });
  handle.useUserBuffer(SHARED);
  return true;
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
