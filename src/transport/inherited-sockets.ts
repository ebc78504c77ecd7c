import { fstatSync, type Stats } from 'node:fs';

import { errorCode } from '../common/error-code.js';
import { checkOptions, string, whole } from '../common/options.js';
import { messageOf } from '../common/text-of.js';
import { kernelSocket } from './kernel-socket.js';
import { ListenError } from './listen-error.js';
import { listenFds, type ListenFd } from './listen-fds.js';
import { listening } from './listening.js';
import { HeldSocket, type OpenSocket } from './open-socket.js';

/** A listening socket that this process was started with. */
export interface InheritedSocket extends OpenSocket {
  /** `FileDescriptorName=` of the socket unit; by default the unit's own name, such as `my-filter.socket`. */
  readonly name: string;
}

/** Which sockets to take, and how. */
export interface InheritedSocketsOptions {
  /** Takes only those of this name, and leaves the others alone. Default: all. */
  readonly name?: string | undefined;
  /** How many connections the kernel holds ready before they are accepted. Default: as many as the system allows. */
  readonly backlog?: number | undefined;
}

/** The kernel cuts it down to `net.core.somaxconn`, as it does with systemd's own default. */
const AS_MANY_AS_ALLOWED = 0x7fff_ffff;

/** Those that nobody has asked for yet. */
let left: readonly ListenFd[] | undefined;

/**
 * Takes the listening sockets that systemd has opened for this process (socket activation, `sd_listen_fds(3)`), to be
 * given to `serve()` or `listen()` as where to listen.
 *
 * Resolves to the sockets in the order in which systemd passes them, each handed out once; to none where the process was
 * not started by socket activation, or where `LISTEN_PID` is another process's. The variables `LISTEN_FDS`, `LISTEN_PID`
 * and `LISTEN_FDNAMES` are removed from `process.env`. MTAs that connect before `serve()` has the socket wait. Closing
 * one leaves the socket file in place and systemd listening: who connects then waits for the next process.
 *
 * Rejects with a `ListenError` that says what to do where one of them is no stream socket, does not listen
 * (`Accept=yes` hands over connections), or has not the name that was asked for; then those before it are closed, and none of them can be asked for again.
 *
 * @example
 * const [socket] = await inheritedSockets();
 * const server = await serve(filter, { listen: socket ?? 'inet:8891@127.0.0.1' });
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
    return fail(explain(error), error);
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

function socketAt(fd: number, fail: (problem: string, cause?: unknown) => never): Stats {
  let stats: Stats;
  try {
    stats = fstatSync(fd);
  } catch (error) {
    return fail(
      `there is no such file descriptor (${errorCode(error)}); what stands between systemd and this process has closed it, ` +
        'or LISTEN_FDS was set by hand',
      error,
    );
  }
  if (!stats.isSocket()) fail(`it is no socket; ${NO_STREAM}`);
  return stats;
}

function checkKind(
  { kind, listening: listens, connected }: NonNullable<ReturnType<typeof kernelSocket>>,
  fail: (problem: string) => never,
): void {
  if (kind !== 'tcp' && kind !== 'unix') fail(`it is a ${kind} socket; ${NO_STREAM}`);
  if (!listens) fail(connected ? CONNECTED : NOT_LISTENING);
}

function explain(error: unknown): string {
  // Node and the kernel say no more to a datagram socket, and to one that is connected.
  if (errorCode(error) === 'EINVAL') return `it is no socket that can listen; ${NO_STREAM}, and Accept=no`;
  return messageOf(error);
}
