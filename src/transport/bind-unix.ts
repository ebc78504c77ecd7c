import type { Server } from 'node:net';
import { basename, dirname } from 'node:path';

import type { BindOptions } from './bind.js';
import { checkAccess } from './check-access.js';
import { explainUnix } from './explain-unix.js';
import { fileIdentity } from './file-identity.js';
import { HeldDirectory } from './held-directory.js';
import { listening } from './listening.js';
import { privateDirectory, temporaryIn, type PrivateDirectory } from './private-directory.js';
import { checkUnheld } from './safe-directory.js';
import { SocketFileError } from './socket-file-error.js';
import { giveAccess, putInPlace } from './socket-file.js';
import { staleSocket } from './stale-socket.js';

type Fail = (problem: string, cause?: unknown) => never;

/**
 * Listens on a Unix domain socket; `fail` is called with what went wrong.
 *
 * A user who may write to the directory could replace the file between two steps, and so have a process of root's give away
 * a file of somebody else's. Therefore the socket is made in a directory within, in which no other user can do anything,
 * gets its mode and owner there, and is moved to its place when it is complete and listens.
 */
export async function bindUnix(
  server: Server,
  path: string,
  options: BindOptions,
  fail: Fail,
): Promise<void> {
  const access = checkAccess(options, fail);
  const { backlog } = options;
  const stale = await staleSocket(path, fail);
  const name = basename(path);
  let directory: HeldDirectory | undefined;
  let inner: PrivateDirectory | undefined;
  try {
    directory = HeldDirectory.open(dirname(path));
    if (!directory.held) checkUnheld(directory.path);
    inner = await privateDirectory(directory, name);

    // From here to the removal everything happens in one go, without a turn of the event loop in between.
    if (fileIdentity(directory.at(name)) !== stale) throw new SocketFileError(TAKEN);
    const file = temporaryIn(inner.directory, name);
    // In a cluster's worker the primary would bind instead, later: exclusive keeps it here.
    const how = { path: file, exclusive: true, ...(backlog === undefined ? {} : { backlog }) };
    const ready = listening(server, how);
    let denied: { readonly error: unknown } | undefined;
    if (server.listening) {
      try {
        giveAccess(file, access);
        const own = putInPlace(server, file, directory, name);
        if (fileIdentity(path) !== own) throw new SocketFileError(ELSEWHERE);
      } catch (error) {
        denied = { error };
      }
    }
    inner.remove();

    await ready;
    if (denied === undefined) return;
    await new Promise((resolve) => server.close(resolve));
    throw denied.error;
  } catch (error) {
    inner?.remove();
    directory?.close();
    const problem = explainUnix(error, access, stale !== undefined);
    return error instanceof SocketFileError ? fail(problem) : fail(problem, error);
  }
}

const TAKEN = 'another process has just taken the path; stop it or take another path';
const ELSEWHERE =
  'the file, or a directory above it, was replaced while the socket was made; take a directory that no other user may write to';
