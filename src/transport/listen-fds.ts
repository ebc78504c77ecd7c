import { ListenError } from './listen-error.js';

/** A file descriptor that this process was started with. */
export interface ListenFd {
  readonly fd: number;
  /** Its `FileDescriptorName=`; by default the name of the socket unit. */
  readonly name: string;
}

/** Those before it are standard input, output and error. */
const FIRST = 3;
/** Far more than a process can have; beyond this the number is a mistake. */
const MOST = 65_536;

/**
 * Reads which file descriptors systemd has handed over, as `sd_listen_fds_with_names(3)` does: none where the variables
 * are not there, or are another process's. Removes the variables in any case, so that what this process starts does not
 * take them for its own.
 *
 * @throws ListenError where the variables contradict themselves
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
