import { once } from 'node:events';
import {
  chmodSync,
  lchownSync,
  lstatSync,
  readFileSync,
  renameSync,
  statSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { type Server, connect } from 'node:net';
import { basename, dirname } from 'node:path';

import { errorCode } from '../../common/describe-error.js';
import { shown, whole } from '../../common/options.js';
import { messageOf } from '../../common/text-of.js';
import { type Fail, SocketFileError } from './errors.js';
import { type BindOptions, listening } from './listening.js';
import {
  HeldDirectory,
  type PrivateDirectory,
  checkUnheld,
  fileIdentity,
  privateDirectory,
  temporaryIn,
} from './private-directory.js';

/** The access to a socket file; -1 leaves owner or group as it is. */
interface Access {
  readonly mode: number;
  readonly owner: number;
  readonly group: number;
}

/**
 * Listens on a Unix domain socket. Where others may write to the directory they could replace the file between two
 * steps, and have root give away another one. So the socket is made in a directory within, gets its mode and owner
 * there, and is moved to its place when it listens.
 */
export async function bindUnix(
  server: Server,
  path: string,
  options: BindOptions,
  fail: Fail,
): Promise<void> {
  const access = checkAccess(options, fail);
  const stale = await staleSocket(path, fail);
  const name = basename(path);
  let directory: HeldDirectory | undefined;
  let inner: PrivateDirectory | undefined;
  try {
    directory = HeldDirectory.open(dirname(path));
    if (!directory.held) checkUnheld(directory.path);
    inner = await privateDirectory(directory, name);

    // From here to the removal everything happens without a turn of the event loop in between.
    if (fileIdentity(directory.at(name)) !== stale) throw new SocketFileError(TAKEN);
    const file = temporaryIn(inner.directory, name);
    // In a cluster's worker the primary would bind instead, later: exclusive keeps it here.
    const ready = listening(server, { path: file, exclusive: true, backlog: options.backlog });
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

function checkAccess({ mode = 0o660, owner, group }: BindOptions, fail: Fail): Access {
  if (whole(0, 0o777).check(mode) !== 'right') {
    const octal = /^[0-7]{3}$/.test(String(mode)) ? `; did you mean 0o${String(mode)}?` : ', such as 0o660';
    fail(`the mode ${shown(mode)} is not one of 0o000 to 0o777${octal}`);
  }
  return { mode, owner: idOf('user', owner, fail), group: idOf('group', group, fail) };
}

/** The id of a user or group of this machine, by its name or by the id itself; -1 for none. */
function idOf(what: 'user' | 'group', given: number | string | undefined, fail: Fail): number {
  if (given === undefined || typeof given === 'number') return given ?? -1;
  if (/^\d+$/.test(given)) return Number(given);
  const file = what === 'user' ? '/etc/passwd' : '/etc/group';
  const entries = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const [, , id] = entries.find(([name]) => name === given) ?? [];
  return id === undefined
    ? fail(`${file} has no ${what} ${shown(given)}; use another name, or the number ("getent" shows it)`)
    : Number(id);
}

/** Says why a Unix socket cannot be made; `stale` where the file of an earlier process is in its place. */
function explainUnix(error: unknown, access: Access, stale: boolean): string {
  if (error instanceof SocketFileError) return error.message;
  const code = errorCode(error);
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  if (syscall === 'lchown') return explainChown(code, access);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return stale
        ? `the socket file of an earlier process is there and cannot be removed (${code}); remove it`
        : 'no permission to create a file in the directory; change its owner or its mode, or take another directory';
    case 'EROFS':
      return 'the directory is on a read-only file system; take another one, such as /run';
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ENOTEMPTY':
      return 'a directory was put at the path while the socket was made; remove it or take another path';
    case 'ENOENT':
      return 'the directory was removed while the socket was made; create it, owned by the user of this process';
    case 'EMFILE':
    case 'ENFILE':
      return `there are no file descriptors left (${code}); raise the limit ("ulimit -n", LimitNOFILE=)`;
    default:
      // The part behind the comma is the call and a path of /proc, which say nothing to a user.
      return typeof syscall !== 'string' ? messageOf(error) : (messageOf(error).split(', ')[0] ?? code);
  }
}

function explainChown(code: string, { owner }: Access): string {
  if (code !== 'EPERM') return `the owner or the group of the socket file cannot be set (${code})`;
  return owner === -1
    ? 'the group of the socket file cannot be set; a process can only give it a group that it is a member of, or be root'
    : 'the owner of the socket file cannot be set; only root can give a file away, leave `owner` out and use `group`';
}

/** Gives a file its group, mode and owner. No other user may be able to replace it meanwhile. */
function giveAccess(path: string, { mode, owner, group }: Access): void {
  // The owner last: afterwards the file may no longer be ours to change.
  if (group !== -1) lchownSync(path, -1, group);
  chmodSync(path, mode);
  if (owner !== -1) lchownSync(path, owner, -1);
}

/**
 * Moves the file of a server to its place, whose identity it gives, and has it removed when the server closes, unless
 * it is another one by then. Node would remove the name under which the server was bound.
 */
function putInPlace(
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

/** The identity of a socket file at the path that no process listens on; calls `fail` for anything else there. */
async function staleSocket(path: string, fail: Fail): Promise<string | undefined> {
  checkDirectory(dirname(path), fail);
  const stat = statOf(path, fail);
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
      return fail('the socket file there belongs to another user; remove it or take another path', error);
    case 'EPROTOTYPE':
      return fail('there is a socket of another type at this path; remove it or take another path', error);
    default:
      // No error, or EAGAIN: a process listens, only too busy to accept.
      return fail('another process is listening there; stop it or take another path', error);
  }
}

/** Node reports a directory that does not exist as one without permission, so this is found out before. */
function checkDirectory(directory: string, fail: Fail): void {
  let problem = `${directory} is not a directory; take another path`;
  let cause: unknown;
  try {
    if (statSync(directory).isDirectory()) return;
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'ENOTDIR') cause = error;
    if (code === 'ENOENT')
      problem = `the directory ${directory} does not exist; create it, owned by the user of this process`;
    else if (code === 'EACCES')
      problem = `no permission to reach the directory ${directory}; change the mode of those above it`;
    else if (cause !== undefined) problem = messageOf(error);
  }
  fail(problem, cause);
}

function statOf(path: string, fail: Fail): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const problem = `no permission to look into the directory ${dirname(path)}; change its owner or its mode`;
    return fail(problem, error);
  }
}

/** Resolves to the error of a connection, or to nothing where it was taken. */
async function connecting(path: string): Promise<unknown> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return undefined;
  } catch (error) {
    return error;
  } finally {
    socket.destroy();
  }
}

function kind(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isDirectory()) return 'a directory';
  return stat.isFile() ? 'a regular file' : 'a special file';
}
