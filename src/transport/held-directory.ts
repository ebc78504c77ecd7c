import { closeSync, constants, fstatSync, lstatSync, openSync, statSync, type BigIntStats } from 'node:fs';

/** Linux: a descriptor that only stands for a place, and needs no right to read it. Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * A directory that stays the same one, whatever is done meanwhile to its name and to the directories above it.
 *
 * Linux leads `/proc/self/fd/N/name` to `name` in the directory that the descriptor stands for, as the calls of the `openat()`
 * family do, which Node does not have. Elsewhere, and where `/proc` is not there, it is no more than its path.
 */
export class HeldDirectory {
  /** The directory itself, as a path. */
  readonly path: string;
  #fd: number | undefined;

  private constructor(path: string, fd: number | undefined) {
    this.path = path;
    this.#fd = fd;
  }

  /** Opens it; `nofollow` makes an error of a symbolic link in its place. */
  static open(path: string, how: 'follow' | 'nofollow' = 'follow'): HeldDirectory {
    if (process.platform !== 'linux') return new HeldDirectory(path, undefined);
    const flags = O_PATH | constants.O_DIRECTORY | (how === 'nofollow' ? constants.O_NOFOLLOW : 0);
    const fd = openSync(path, flags);
    const held = `/proc/self/fd/${fd}`;
    if (leadsTo(held, fd)) return new HeldDirectory(held, fd);
    closeSync(fd);
    return new HeldDirectory(path, undefined);
  }

  /** Whether it is held, and not only named. */
  get held(): boolean {
    return this.#fd !== undefined;
  }

  /** The path of what is called `name` in it. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** What the system says of the directory itself. */
  stat(): BigIntStats {
    return this.#fd === undefined
      ? lstatSync(this.path, { bigint: true })
      : fstatSync(this.#fd, { bigint: true });
  }

  /** Lets go of it; its paths lead nowhere afterwards. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function leadsTo(path: string, fd: number): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const here = fstatSync(fd, { bigint: true });
  return there?.dev === here.dev && there.ino === here.ino;
}
