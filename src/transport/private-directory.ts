import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmdirSync, unlinkSync, type BigIntStats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorCode } from '../common/error-code.js';
import { fileIdentity } from './file-identity.js';
import { HeldDirectory } from './held-directory.js';
import { SocketFileError } from './socket-file-error.js';
import { LONGEST_PATH } from './unix-endpoint.js';

/** A start needs its directory for less than a millisecond: after this long it was killed meanwhile. */
const ABANDONED = 1_000;
/** For how long a start waits for others that are faster each time, in milliseconds. */
const LONGEST_WAIT = 5_000;
const STEP = 20;
const TEMPORARY = /\.[0-9a-f]{16}$/;

/** A directory in which no other user can do anything, and only one process at a time for each socket. */
export interface PrivateDirectory {
  readonly directory: HeldDirectory;
  /** Removes it, with the socket that was left in it. Throws nothing, and does nothing the second time. */
  remove(): void;
}

/**
 * Makes a directory of mode 0700 for the socket `name`, in a directory that other users may be able to write to. They can
 * move it away, and can put nothing into it and replace nothing in it.
 *
 * It is a lock, too: it is always called the same, and a second process waits until it is gone. One that was left behind by
 * a process that was killed is removed.
 *
 * @throws SocketFileError where something else has its name
 * @throws Error what the system says where it cannot be made
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
  let gone = false;
  const remove = (): void => {
    if (gone) return;
    gone = true;
    removeTemporary(directory);
    directory.close();
    quietly(() => rmdirSync(path));
  };
  const stat = directory.stat();
  if (!isPrivate(stat)) {
    directory.close();
    throw blocked(called);
  }
  // The umask may have taken rights from the process itself. The bit that hands on the group of the directory stays.
  if ((stat.mode & 0o700n) !== 0o700n) chmodSync(directory.path, Number(stat.mode & 0o7777n) | 0o700);
  return { directory, remove };
}

/**
 * A path in the directory that nothing has, now or later, and that a socket can have. It begins as the socket is called, so
 * that lists of sockets (`ss -xl`), which show this path for good, show whose it is.
 *
 * @throws SocketFileError where the paths in the directory are too long
 */
export function temporaryIn(directory: HeldDirectory, name: string): string {
  const end = `.${randomBytes(8).toString('hex')}`;
  for (const path of [directory.at(name + end), directory.at(end)]) {
    if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  }
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

/** Makes the directory; whether it was not there. */
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

/** Removes what `temporaryIn()` has named, and nothing else: another directory of this user may have been put there. */
function removeTemporary(directory: HeldDirectory): void {
  quietly(() => {
    for (const name of readdirSync(directory.path)) {
      if (TEMPORARY.test(name)) unlinkSync(directory.at(name));
    }
  });
}

/** Whether only this user can do anything in it. */
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
