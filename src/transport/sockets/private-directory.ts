import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorCode } from '../../common/describe-error.js';
import { LONGEST_PATH } from './endpoint.js';
import { SocketFileError } from './errors.js';

/**
 * Tells a file from any other at the same path. The inode alone is given out again at once; the time of birth is not
 * touched by a change of mode or owner.
 */
export function fileIdentity(path: string): string | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
}

const OTHERS_WRITE = 0o022;
/** In a sticky directory a user can rename and remove only what is that user's. */
const STICKY = 0o1000;

/**
 * Throws where another user could replace a directory that is not held, and so get mode and owner for another file.
 */
export function checkUnheld(path: string): void {
  const user = process.geteuid?.() ?? 0;
  for (let at = realpathSync(path); ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    const ours = uid === user || uid === 0;
    if (!ours || ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)) {
      throw new SocketFileError(
        `other users may write to ${at}, and without /proc the socket cannot be kept from being replaced while it is made; ` +
          'mount /proc, or take a directory that only the user of this process may write to',
      );
    }
    if (at === dirname(at)) return;
  }
}

/** Linux: a descriptor that stands for a place, and needs no right to read it. Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * A directory that stays the same one, whatever is done to its name: Linux leads `/proc/self/fd/N/name` to `name` in
 * it, as `openat()` does, which Node does not have. Elsewhere, and without `/proc`, it is no more than its path.
 */
export class HeldDirectory {
  readonly path: string;
  #fd: number | undefined;

  private constructor(path: string, fd: number | undefined) {
    this.path = path;
    this.#fd = fd;
  }

  /** Opens it; under `nofollow` a symbolic link in its place is an error. */
  static open(path: string, how: 'follow' | 'nofollow' = 'follow'): HeldDirectory {
    if (process.platform !== 'linux') return new HeldDirectory(path, undefined);
    const flags = O_PATH | constants.O_DIRECTORY | (how === 'nofollow' ? constants.O_NOFOLLOW : 0);
    const fd = openSync(path, flags);
    const held = `/proc/self/fd/${fd}`;
    const there = statSync(held, { bigint: true, throwIfNoEntry: false });
    const here = fstatSync(fd, { bigint: true });
    if (there?.dev === here.dev && there.ino === here.ino) return new HeldDirectory(held, fd);
    closeSync(fd);
    return new HeldDirectory(path, undefined);
  }

  /** Whether it is held, and not only named. */
  get held(): boolean {
    return this.#fd !== undefined;
  }

  at(name: string): string {
    return `${this.path}/${name}`;
  }

  stat(): BigIntStats {
    const exact = { bigint: true } as const;
    return this.#fd === undefined ? lstatSync(this.path, exact) : fstatSync(this.#fd, exact);
  }

  /** Releases it; its paths lead nowhere afterwards. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

/** After so long a directory, which a start needs for less than a millisecond, is of one that was killed. */
const ABANDONED = 1_000;
/** So long a start waits for others that are faster each time, in milliseconds. */
const LONGEST_WAIT = 5_000;
const STEP = 20;
const TEMPORARY = /\.[0-9a-f]{16}$/;

/** A directory in which no other user can do anything, and one process at a time for each socket. */
export interface PrivateDirectory {
  readonly directory: HeldDirectory;
  /** Removes it, with the socket that was left in it. Throws nothing. */
  remove(): void;
}

/**
 * Makes a directory of mode 0700 for the socket `name`, in one that other users may be able to write to: they can
 * move it away, but put nothing into it. It is a lock, too: a second process waits until it is gone, or its process
 * was killed. Throws a `SocketFileError` where something else has its name.
 */
export async function privateDirectory(parent: HeldDirectory, name: string): Promise<PrivateDirectory> {
  const called = `.${name}.new`;
  const path = parent.at(called);
  let seen: string | undefined;
  let since = 0;
  for (let waited = 0; !made(path); waited += STEP) {
    const there = fileIdentity(path);
    if (there !== seen) [seen, since] = [there, waited];
    else if (waited - since >= ABANDONED && !removeAbandoned(path)) throw blocked(called);
    if (waited > LONGEST_WAIT) throw blocked(called);
    await sleep(STEP);
  }
  const directory = HeldDirectory.open(path, 'nofollow');
  const stat = directory.stat();
  if (!isPrivate(stat)) {
    directory.close();
    throw blocked(called);
  }
  // The umask may have taken rights from the process itself. The bit that hands on the group of the directory stays.
  if ((stat.mode & 0o700n) !== 0o700n) chmodSync(directory.path, Number(stat.mode & 0o7777n) | 0o700);
  let removed = false;
  const remove = (): void => {
    if (removed) return;
    removed = true;
    removeTemporary(directory);
    directory.close();
    quietly(() => rmdirSync(path));
  };
  return { directory, remove };
}

/**
 * A path in the directory that nothing has, now or later, and that a socket can have. It begins as the socket is
 * called, for lists of sockets (`ss -xl`), which show this path for good.
 */
export function temporaryIn(directory: HeldDirectory, name: string): string {
  const end = `.${randomBytes(8).toString('hex')}`;
  const paths = [directory.at(name + end), directory.at(end)];
  const fitting = paths.find((path) => Buffer.byteLength(path) <= LONGEST_PATH);
  if (fitting !== undefined) return fitting;
  const length = Buffer.byteLength(directory.at(end));
  throw new SocketFileError(
    `without /proc the socket is made under a longer path first, of ${length} bytes, and a socket's path can have ` +
      `${LONGEST_PATH}; use a shorter directory`,
  );
}

function blocked(called: string): SocketFileError {
  return new SocketFileError(
    `the socket is made in a directory ${JSON.stringify(called)} beside it, and something else has this name: remove it, ` +
      'and see to it that no other user may write there',
  );
}

function made(path: string): boolean {
  try {
    mkdirSync(path, 0o700);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the directory of a process that is gone; whether it was one. */
function removeAbandoned(path: string): boolean {
  try {
    const directory = HeldDirectory.open(path, 'nofollow');
    const ours = isPrivate(directory.stat());
    if (ours) removeTemporary(directory);
    directory.close();
    if (ours) rmdirSync(path);
    return ours;
  } catch (error) {
    return errorCode(error) === 'ENOENT';
  }
}

/** Removes what `temporaryIn()` has named, and nothing else: the directory may be another of this user. */
function removeTemporary(directory: HeldDirectory): void {
  quietly(() => {
    for (const name of readdirSync(directory.path)) {
      if (TEMPORARY.test(name)) unlinkSync(directory.at(name));
    }
  });
}

function isPrivate({ uid, mode }: BigIntStats): boolean {
  return uid === BigInt(process.geteuid?.() ?? 0) && (mode & 0o077n) === 0n;
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // It is gone already, or another process has its place.
  }
}
