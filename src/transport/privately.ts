import { isMainThread } from 'node:worker_threads';

/**
 * Runs `make` in such a way that a file it makes can be used by this user alone until its mode is set.
 *
 * The mode of a socket file is 0777 less the umask, and it is open for connections from its first moment. The umask belongs to
 * the whole process, so `make` has to do its work before it returns: then no other JavaScript runs meanwhile, and a file that one
 * of Node's own threads happens to make in those microseconds comes out more private than it would have, never less. A worker
 * thread may not set the umask; there the file has, until its mode is set, the mode that the process's own umask gives it.
 */
export function privately<T>(make: () => T): T {
  if (!isMainThread) return make();
  const before = process.umask(0o177);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
