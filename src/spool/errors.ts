import { errorCode } from '../common/describe-error.js';
import { messageOf } from '../common/text-of.js';

/** A body that was too large to be kept in memory could not be kept in a file either. */
export class BodyFileError extends Error {
  override readonly name = 'BodyFileError';
  /** The option `directory`, or the system's own for such files. */
  readonly directory: string;
  /** What the operating system calls it, such as `ENOSPC`; `''` where it was something else. */
  readonly code: string;

  /** @param doing what failed: `made`, `written` or `read` */
  constructor(doing: string, directory: string, cause: unknown) {
    super(
      `The file for the body of a message could not be ${doing} in ${directory}: ${messageOf(cause)}. ` +
        'See the options directory (another place), limits.memory (what is kept without a file) and limits.disk of onMessage().',
      { cause },
    );
    this.directory = directory;
    this.code = errorCode(cause);
  }
}

export class SpaceError extends Error {
  override readonly name = 'SpaceError';

  constructor(most: number, taken: number, more: number) {
    super(
      `the files of all bodies in this process may have ${most} bytes together; they have ${taken}, and ${more} more are needed`,
    );
  }
}
