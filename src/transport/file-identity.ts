import { lstatSync } from 'node:fs';

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
