import { linkSync, renameSync } from 'node:fs';
import type { Server } from 'node:net';
import { fileIdentity } from './file-identity.js';

/**
 * Lets a server that has just been bound to `path` remove, when it closes, no file but its own.
 *
 * Node removes whatever stands at the path at the moment of `close()`. When somebody has removed the file of a running filter and
 * started a second one, closing the first would take the socket of the second away: it would run on, and no MTA would reach it.
 * Node has no switch for this, so the foreign file is held by a second name during the call.
 */
export function guardSocketFile(server: Server, path: string): void {
  const own = fileIdentity(path);
  const close = server.close.bind(server);
  const restore = (): void => {
    server.close = close;
  };
  server.close = (callback) => {
    restore();
    const now = fileIdentity(path);
    const second = `${path}.${process.pid}`;
    let held = false;
    if (now !== undefined && now !== own) {
      try {
        linkSync(path, second);
        held = true;
      } catch {
        // Whoever may not write to the directory cannot remove the file either.
      }
    }
    try {
      return close(callback);
    } finally {
      if (held) renameSync(second, path);
    }
  };
}
