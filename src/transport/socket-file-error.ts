/** Why the file of a socket cannot be made, in words that need no explanation. */
export class SocketFileError extends Error {
  override readonly name = 'SocketFileError';
}
