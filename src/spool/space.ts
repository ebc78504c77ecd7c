/** The bodies in files together would take more of the disk than they may. */
export class SpaceError extends Error {
  override readonly name = 'SpaceError';
}

/** The bytes that all files of the process have: what fills a disk is their sum, whoever fills it. */
let taken = 0;

/**
 * Counts bytes that are about to be written to a file.
 *
 * @param most what the files of the process may have together, these bytes included
 * @throws SpaceError where they would have more
 */
export function takeSpace(bytes: number, most: number): void {
  if (taken + bytes > most) {
    throw new SpaceError(
      `the files of all bodies in this process may have ${most} bytes together; they have ${taken}, and ${bytes} more are needed`,
    );
  }
  taken += bytes;
}

/** The same bytes are free again. */
export function freeSpace(bytes: number): void {
  taken -= bytes;
}
