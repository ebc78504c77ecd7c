import { chmodSync, lchownSync, renameSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';

import type { Access } from './check-access.js';
import { fileIdentity } from './file-identity.js';
import type { HeldDirectory } from './held-directory.js';

/** Gives a file its group, mode and owner. No other user may be able to replace it meanwhile. */
export function giveAccess(path: string, { mode, owner, group }: Access): void {
  // The owner last: afterwards the file may no longer be ours to change.
  if (group !== -1) lchownSync(path, -1, group);
  chmodSync(path, mode);
  if (owner !== -1) lchownSync(path, owner, -1);
}

/**
 * Moves the file of a server to its place, in one step with the removal of what is there, and has it removed when the server
 * closes, unless by then another file is there. The directory is closed then, too.
 *
 * Node itself would remove whatever has the name under which the server was bound, which nothing has from here on.
 *
 * @returns the identity of the file
 * @throws Error where it cannot be moved; then nothing has changed
 */
export function putInPlace(
  server: Server,
  file: string,
  directory: HeldDirectory,
  name: string,
): string | undefined {
  const own = fileIdentity(file);
  const place = directory.at(name);
  renameSync(file, place);
  const close = server.close.bind(server);
  server.close = (callback) => {
    server.close = close;
    try {
      // Before it stops listening: as long as the file is there and leads to a listener, no other process takes its place.
      if (fileIdentity(place) === own) unlinkSync(place);
    } catch {
      // A process that has given up its rights since may not be able to; the next start replaces the file.
    }
    directory.close();
    return close(callback);
  };
  return own;
}
