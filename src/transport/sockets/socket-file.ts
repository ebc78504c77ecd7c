import { type Stats, chmodSync, lchownSync, lstatSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { type Server, connect } from 'node:net';
import { dirname } from 'node:path';

import { errorCode } from '../../common/error-code.js';
import { messageOf } from '../../common/text-of.js';
import type { Access } from './bind.js';
import type { HeldDirectory } from './private-directory.js';

/**
 * What tells a file from any other that stands, or will stand, at the same path; nothing where there is none.
 *
 * The number of an inode alone is given out again at once, often to the very file that takes the place of the old one. The time
 * of its birth is not touched by a change of mode or owner.
 */
export function fileIdentity(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}

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

type Fail = (problem: string, cause?: unknown) => never;

/**
 * Looks at what stands at the path of a socket that is to be bound. Resolves to the identity of a socket file that nobody listens
 * on, to nothing where the path is free; calls `fail` where it is neither.
 */
export async function staleSocket(path: string, fail: Fail): Promise<string | undefined> {
  checkDirectory(dirname(path), fail);
  const stat = look(path, fail);
  if (stat === undefined) return undefined;
  if (!stat.isSocket()) {
    return fail(`there is ${kind(stat)} at this path, which is not touched; remove it or take another path`);
  }
  const identity = fileIdentity(path);
  const error = await connecting(path);
  switch (errorCode(error)) {
    case 'ECONNREFUSED':
      return identity;
    case 'ENOENT':
      return undefined;
    case 'EACCES':
      return fail('the socket file there belongs to somebody else; remove it or take another path', error);
    case 'EPROTOTYPE':
      return fail('there is a socket of another type at this path; remove it or take another path', error);
    default:
      // No error, or EAGAIN: somebody listens, only too busy to accept.
      return fail('another process is listening there; stop it or take another path', error);
  }
}

/** Node reports a directory that does not exist as one without permission, so this is found out before. */
function checkDirectory(directory: string, fail: Fail): void {
  try {
    if (statSync(directory).isDirectory()) return;
  } catch (error) {
    switch (errorCode(error)) {
      case 'ENOENT':
        return fail(
          `the directory ${directory} does not exist; create it, owned by the user of this process`,
          error,
        );
      case 'EACCES':
        return fail(
          `no permission to reach the directory ${directory}; change the mode of those above it`,
          error,
        );
      case 'ENOTDIR':
        break;
      default:
        return fail(messageOf(error), error);
    }
  }
  return fail(`${directory} is not a directory; take another path`);
}

function look(path: string, fail: Fail): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return fail(
      `no permission to look into the directory ${dirname(path)}; change its owner or its mode`,
      error,
    );
  }
}

/** Resolves to the error of a connection, or to nothing when somebody took it. */
function connecting(path: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (error?: Error): void => {
      socket.destroy();
      resolve(error);
    };
    socket.once('connect', settle);
    socket.once('error', settle);
  });
}

function kind(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isDirectory()) return 'a directory';
  return stat.isFile() ? 'a regular file' : 'a special file';
}
