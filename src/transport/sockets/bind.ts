import { lookup } from 'node:dns/promises';
import { type ListenOptions, type Server, isIP } from 'node:net';
import { basename, dirname } from 'node:path';

import { errorCode } from '../../common/error-code.js';
import { type Rules, shown, whole } from '../../common/options.js';
import { excerpt, sentence } from '../../common/printable.js';
import { messageOf } from '../../common/text-of.js';
import { type Endpoint, formatEndpoint } from './endpoint.js';
import { ListenError, SocketFileError } from './errors.js';
import {
  HeldDirectory,
  type PrivateDirectory,
  checkUnheld,
  privateDirectory,
  temporaryIn,
} from './private-directory.js';
import { fileIdentity, giveAccess, putInPlace, staleSocket } from './socket-file.js';

/** Who may use a socket file; -1 leaves the owner or the group as it is. */
export interface Access {
  readonly mode: number;
  readonly owner: number;
  readonly group: number;
}

type Fail = (problem: string, cause?: unknown) => never;

/** The highest id there is: for the kernel the next one means "leave it as it is". */
const LAST_ID = 0xfffffffe;

/** Who may use the socket file by these options; `fail` is called with what is wrong. */
export function checkAccess({ mode = 0o660, owner = -1, group = -1 }: BindOptions, fail: Fail): Access {
  checkMode(mode, fail);
  checkId('owner', '-u', owner, fail);
  checkId('group', '-g', group, fail);
  return { mode, owner, group };
}

function checkMode(mode: unknown, fail: Fail): void {
  if (typeof mode === 'number' && Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  const octal = /^[0-7]{3}$/.test(String(mode)) ? `; did you mean 0o${String(mode)}?` : ', such as 0o660';
  fail(`the mode ${shown(mode)} is not one of 0o000 to 0o777${octal}`);
}

function checkId(what: string, flag: string, id: unknown, fail: Fail): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= -1 && id <= LAST_ID) return;
  const given = typeof id === 'string' ? `"${excerpt(id, 60)}"` : shown(id);
  fail(`the ${what} ${given} is not a numeric id; "id ${flag} name" prints the id of a name`);
}

/** Says why a Unix socket cannot be made, and what to do. `stale` where the file of an earlier process is in its place. */
export function explainUnix(error: unknown, access: Access, stale: boolean): string {
  if (error instanceof SocketFileError) return error.message;
  const { code, syscall } = codesOf(error);
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
      // What follows the comma is the call and a path of /proc, which say nothing to whoever chose the endpoint.
      return syscall === undefined ? messageOf(error) : (messageOf(error).split(', ')[0] ?? code);
  }
}

function explainChown(code: string, { owner }: Access): string {
  if (code !== 'EPERM') return `the owner or the group of the socket file cannot be set (${code})`;
  return owner === -1
    ? 'the group of the socket file cannot be set; a process can only give it a group that it is a member of, or be root'
    : 'the owner of the socket file cannot be set; only root can give a file away, leave `owner` out and use `group`';
}

function codesOf(error: unknown): { code: string; syscall: string | undefined } {
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  return { code: errorCode(error), syscall: typeof syscall === 'string' ? syscall : undefined };
}

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

type Inet = Exclude<Endpoint, { family: 'unix' }>;

/** Listens on a TCP port; `fail` is called with what went wrong. */
export async function bindInet(
  server: Server,
  endpoint: Inet,
  options: BindOptions,
  fail: Fail,
): Promise<void> {
  const { port } = endpoint;
  const { backlog } = options;
  const host = await addressOf(endpoint, fail);
  try {
    await listening(server, { port, host, ...(backlog === undefined ? {} : { backlog }) });
  } catch (error) {
    return fail(explain(error, endpoint, host), error);
  }
}

/**
 * The address behind a name, in the family that was asked for. Left to itself, Node would listen on whichever address comes
 * first: `localhost` is 127.0.0.1 on one machine and ::1 on the next, and the MTA then connects to the other.
 */
async function addressOf({ family, host }: Inet, fail: Fail): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host, { family: family === 'inet' ? 4 : 6 })).address;
  } catch (error) {
    if (errorCode(error) === 'EAI_AGAIN') {
      return fail(
        `the name "${host}" could not be looked up just now; use an address to be independent of DNS`,
        error,
      );
    }
    const [version, other] = family === 'inet' ? ['IPv4', 'inet6:'] : ['IPv6', 'inet:'];
    return fail(
      `the name "${host}" has no ${version} address (${errorCode(error)}); correct it, use an address, or try "${other}"`,
      error,
    );
  }
}

/** Whether it is the address that stands for all of the machine's. */
function isAny(host: string): boolean {
  return /^[0:.]+$/.test(host);
}

function explain(error: unknown, { port }: Inet, host: string): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      if (isAny(host))
        return `the port is already in use, on one of the addresses; "inet6:${port}@::" takes IPv4, too, so that "inet:${port}@0.0.0.0" cannot be beside it. "ss -ltnp sport = :${port}" shows what listens`;
      return `the port is already in use; stop the other program ("ss -ltnp sport = :${port}" shows it) or take another port`;
    case 'EACCES':
      return `no permission to listen on port ${port}; ports below 1024 need root or CAP_NET_BIND_SERVICE, take a higher one`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; use one of its own, or 127.0.0.1 for an MTA on the same machine`;
    case 'EAFNOSUPPORT':
      return `this machine does not speak the family of ${host}; use the other one`;
    default:
      return messageOf(error);
  }
}

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

/** The highest id of a user or group; the one above it means none. */
const MOST_ID = 0xfffffffe;

/** How `bindServer` listens. `mode`, `owner` and `group` are about the file of a Unix socket and do nothing for TCP. */
export interface BindOptions {
  /** Permissions of the socket file; whoever may write to it may connect. Default `0o660`. */
  readonly mode?: number | undefined;
  /** Numeric user id that the socket file is given to; needs root. Default: the user of this process. */
  readonly owner?: number | undefined;
  /** Numeric group id that the socket file is given to, for example that of `postfix`. Default: the group of this process. */
  readonly group?: number | undefined;
  /** How many connections the kernel holds ready before they are accepted. Default: Node's, 511. */
  readonly backlog?: number | undefined;
}

/** What each of them has to be. */
export const BIND_RULES: Rules<BindOptions> = {
  mode: whole(0, 0o7777),
  owner: whole(0, MOST_ID),
  group: whole(0, MOST_ID),
  backlog: whole(1, 0x7fffffff),
};

/**
 * Lets `server` listen on `endpoint`; resolves when it does, rejects with a `ListenError` that says what to do.
 *
 * After a rejection the server does not listen and no socket file is left behind. The file of a socket appears with its mode and
 * owner, and can be connected to from then on; users who may write to the directory cannot have another file given away instead.
 * A socket file that no process listens on any more (left by one that was killed) is replaced in the same step; one that is in
 * use, and anything that is not a socket, is left alone. The file is removed at the moment of `server.close()`, unless it is no
 * longer the one that was made here, or the process may not do that any more. Node removes no file when the process exits
 * without closing the server; the next start then finds it and replaces it.
 *
 * @example
 * const server = createServer(accept);
 * await bindServer(server, parseEndpoint('unix:/run/filter/filter.sock'), { group: 115 });
 */
export async function bindServer(
  server: Server,
  endpoint: Endpoint,
  options: BindOptions = {},
): Promise<void> {
  const fail = (problem: string, cause?: unknown): never => {
    const text = formatEndpoint(endpoint);
    throw new ListenError(`Cannot listen on ${text}: ${sentence(problem)}`, text, cause);
  };
  if (server.listening) return fail('this server is already listening; make a new one, or close it first');
  if (endpoint.family === 'unix') return bindUnix(server, endpoint.path, options, fail);
  return bindInet(server, endpoint, options, fail);
}
