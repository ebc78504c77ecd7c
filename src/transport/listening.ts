import type { ListenOptions, Server } from 'node:net';

/**
 * `server.listen()` as a promise that leaves no listener behind on either outcome. The call itself is made at once: for a Unix
 * socket the file is there, and `server.listening` is true, when this function returns its promise.
 */
export function listening(
  server: Server,
  options: ListenOptions | { readonly fd: number },
  backlog?: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      server.off('error', settle);
      server.off('listening', settle);
      server.off('close', closed);
      if (error === undefined) resolve();
      else reject(error);
    };
    // Closed by its owner in the meantime: Node then says neither that it listens nor that it failed.
    const closed = (): void => settle(new Error('the server was closed before it could listen'));
    server.once('error', settle);
    server.once('listening', settle);
    server.once('close', closed);
    // With a file descriptor Node takes the backlog as an argument only.
    if (backlog === undefined) server.listen(options);
    else server.listen(options, backlog);
  });
}
