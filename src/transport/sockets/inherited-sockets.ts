import { type Stats, fstatSync, readFileSync } from 'node:fs';

import { errorCode } from '../../common/describe-error.js';
import { checkOptions, string, whole } from '../../common/options.js';
import { messageOf } from '../../common/text-of.js';
import { type Fail, ListenError } from './errors.js';
import { listening } from './listening.js';
import { HeldSocket, type OpenSocket } from './open-socket.js';

/** A file descriptor that this process was started with, and its `FileDescriptorName=`. */
export interface ListenFd {
  readonly fd: number;
  readonly name: string;
}

const FIRST = 3;
const MOST = 65_536;

/**
 * The file descriptors that systemd has handed to this process (`sd_listen_fds_with_names(3)`). Removes the
 * variables, so that what this process starts does not take them for its own. Throws a `ListenError` where they
 * contradict themselves.
 */
export function listenFds(env: NodeJS.ProcessEnv, pid: number): ListenFd[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) {
    Reflect.deleteProperty(env, name);
  }
  if (LISTEN_PID === undefined || LISTEN_FDS === undefined) return [];
  if (numberOf('LISTEN_PID', LISTEN_PID, 1, Number.MAX_SAFE_INTEGER) !== pid) return [];
  const count = numberOf('LISTEN_FDS', LISTEN_FDS, 0, MOST);
  const names = LISTEN_FDNAMES?.split(':') ?? Array.from({ length: count }, () => 'unknown');
  // Of no sockets the names are one empty string.
  if (count > 0 && names.length !== count) {
    return fail(
      `LISTEN_FDNAMES has ${names.length} names ("${LISTEN_FDNAMES ?? ''}"), and LISTEN_FDS says ${count}`,
      'Let systemd set both, or leave LISTEN_FDNAMES out',
    );
  }
  return Array.from({ length: count }, (_, at) => ({ fd: FIRST + at, name: names[at] ?? '' }));
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  return fail(`${name} is "${text}", which is no number from ${least} to ${most}`, 'Let systemd set it');
}

function fail(problem: string, advice: string): never {
  throw new ListenError(`Cannot take the inherited sockets: ${problem}. ${advice}.`, 'LISTEN_FDS');
}

export interface KernelSocket {
  readonly kind: 'tcp' | 'udp' | 'unix' | 'unix datagram' | 'unix sequenced-packet';
  readonly listening: boolean;
  readonly connected: boolean;
  /** Where a Unix socket is bound, with `@` before an abstract name; empty for the others. */
  readonly path: string;
}

const TCP_ESTABLISHED = '01';
const TCP_LISTEN = '0A';
/** `__SO_ACCEPTCON` among the flags of a Unix socket. */
const ACCEPTS = 0x1_0000;
const UNIX_CONNECTED = '03';
const UNIX_TYPES: Readonly<Record<string, KernelSocket['kind']>> = {
  '0001': 'unix',
  '0002': 'unix datagram',
  '0005': 'unix sequenced-packet',
};

/**
 * Looks a socket up in Linux's tables (`proc_net(5)`), as Node has no call for that; nothing where it is not bound,
 * belongs to another network namespace, or there are no tables.
 */
export function kernelSocket(inode: number): KernelSocket | undefined {
  const wanted = String(inode);
  for (const line of table('unix')) {
    // Num RefCount Protocol Flags Type St Inode Path
    const row = /^\S+: \S+ \S+ (\S+) (\S+) (\S+) +(\d+)(?: (.*))?$/.exec(line);
    if (row?.[4] !== wanted) continue;
    const [, flags = '', type = '', state = '', , path = ''] = row;
    const listening = (Number.parseInt(flags, 16) & ACCEPTS) !== 0;
    return { kind: UNIX_TYPES[type] ?? 'unix', listening, connected: state === UNIX_CONNECTED, path };
  }
  for (const name of ['tcp', 'tcp6', 'udp', 'udp6']) {
    for (const line of table(name)) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
      const fields = line.trim().split(/ +/);
      if (fields[9] !== wanted) continue;
      const kind = name.startsWith('tcp') ? 'tcp' : 'udp';
      const listening = kind === 'tcp' && fields[3] === TCP_LISTEN;
      return { kind, listening, connected: fields[3] === TCP_ESTABLISHED, path: '' };
    }
  }
  return undefined;
}

function table(name: string): string[] {
  try {
    return readFileSync(`/proc/self/net/${name}`, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** A listening socket that this process was started with. */
export interface InheritedSocket extends OpenSocket {
  /** `FileDescriptorName=` of the socket unit; by default its own name, such as `my-filter.socket`. */
  readonly name: string;
}

/** How `inheritedSockets()` takes sockets. */
export interface InheritedSocketsOptions {
  /** Takes only those of this name. Default: all. */
  readonly name?: string | undefined;
  /** How many connections the kernel holds ready. Default: as many as the system allows. */
  readonly backlog?: number | undefined;
}

const AS_MANY_AS_ALLOWED = 0x7fff_ffff;

/** The descriptors that were not asked for yet. */
let left: readonly ListenFd[] | undefined;

/**
 * Takes the listening sockets that systemd has opened for this process (`sd_listen_fds(3)`).
 *
 * @remarks
 * They are for the option `listen` of `serve()`, or for `listen()`; MTAs that connect before wait. Closing one leaves
 * the socket file in place and systemd listening. `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` are removed from
 * `process.env`.
 *
 * @returns the sockets in systemd's order, each once; none without socket activation of this process
 * @throws ListenError (rejects) where one is no stream socket or does not listen (`Accept=yes`), or none has the
 *   name; those before it are closed then, and none can be asked for again
 * @example
 * const [socket] = await inheritedSockets();
 * const server = await serve(filter, { listen: socket ?? 'inet:8891@127.0.0.1' });
 * @see openSocket
 */
export async function inheritedSockets(options: InheritedSocketsOptions = {}): Promise<InheritedSocket[]> {
  checkOptions<InheritedSocketsOptions>('inheritedSockets()', options, {
    name: string,
    backlog: whole(1, AS_MANY_AS_ALLOWED),
  });
  const { name, backlog = AS_MANY_AS_ALLOWED } = options;
  left ??= listenFds(process.env, process.pid);
  const wanted = left.filter((one) => name === undefined || one.name === name);
  if (left.length > 0 && wanted.length === 0) {
    const names = left.map((one) => `"${one.name}"`).join(', ');
    throw new ListenError(
      `Cannot take the inherited socket "${String(name)}": there are ${names}. ` +
        'Write one of these, or FileDescriptorName= into the socket unit.',
      String(name),
    );
  }
  left = left.filter((one) => !wanted.includes(one));
  const taken: Inherited[] = [];
  try {
    for (const one of wanted) taken.push(await take(one, backlog));
  } catch (error) {
    await Promise.all(taken.map((socket) => socket.close()));
    throw error;
  }
  return taken;
}

class Inherited extends HeldSocket implements InheritedSocket {
  override readonly opener =
    'Set it in the socket unit (SocketMode=, SocketUser=, SocketGroup=), or give it to inheritedSockets() (backlog).';
  readonly name: string;

  constructor({ fd, name }: ListenFd, path: string) {
    super({ family: 'unix', path: path === '' ? `[fd ${fd}]` : path });
    this.name = name;
  }
}

async function take(one: ListenFd, backlog: number): Promise<Inherited> {
  const fail = (problem: string, cause?: unknown): never => {
    const text = `fd ${one.fd} ("${one.name}")`;
    throw new ListenError(`Cannot take the inherited socket ${text}: ${problem}.`, text, cause);
  };
  const { ino } = socketAt(one.fd, fail);
  const seen = kernelSocket(ino);
  if (seen !== undefined) checkKind(seen, fail);
  const socket = new Inherited(one, seen?.path ?? '');
  try {
    await listening(socket.server, { fd: one.fd }, backlog);
  } catch (error) {
    // Node and the kernel say no more of a datagram socket, and of one that is connected.
    const invalid = `it is no socket that can listen; ${NO_STREAM}, and Accept=no`;
    return fail(errorCode(error) === 'EINVAL' ? invalid : messageOf(error), error);
  }
  // The system may refuse to accept a connection, for want of memory; the next one is another matter.
  socket.server.on('error', (error) => process.emitWarning(error));
  if (seen === undefined && kernelSocket(ino) !== undefined) {
    // Asked to listen, the kernel lets a socket without an address listen anywhere.
    await socket.close();
    return fail(NOT_LISTENING);
  }
  const bound = socket.server.address();
  if (bound !== null && typeof bound === 'object') {
    const { address: host, port, family } = bound;
    socket.endpoint = { family: family === 'IPv6' ? 'inet6' : 'inet', host, port };
  }
  return socket;
}

const NOT_LISTENING = 'it does not listen; who hands it over has to call listen() before, as systemd does';
const CONNECTED =
  'it is a connection and not what listens for them; write Accept=no, the default, into the socket unit';
const NO_STREAM = 'use ListenStream= in the socket unit; the protocol needs a stream socket';

function socketAt(fd: number, fail: Fail): Stats {
  let stats: Stats;
  try {
    stats = fstatSync(fd);
  } catch (error) {
    const why = 'what stands between systemd and this process has closed it, or LISTEN_FDS was set by hand';
    return fail(`there is no such file descriptor (${errorCode(error)}); ${why}`, error);
  }
  if (!stats.isSocket()) fail(`it is no socket; ${NO_STREAM}`);
  return stats;
}

function checkKind({ kind, listening: listens, connected }: KernelSocket, fail: Fail): void {
  if (kind !== 'tcp' && kind !== 'unix') fail(`it is a ${kind} socket; ${NO_STREAM}`);
  if (!listens) fail(connected ? CONNECTED : NOT_LISTENING);
}
