import { readdirSync, readlinkSync, statSync } from 'node:fs';

/** The files in `directory` that this process has open, those without a name included: where each is in /proc. */
export function openIn(directory: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((descriptor) => `/proc/self/fd/${descriptor}`)
    .filter((path) => target(path).startsWith(`${directory}/`));
}

/** The rights of an open file. */
export function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

/** How many bytes are in an open file. */
export function sizeOf(path: string): number {
  return statSync(path).size;
}

function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // The descriptor with which the list was read is gone by now.
    return '';
  }
}
