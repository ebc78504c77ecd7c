import { errorCode } from '../common/error-code.js';

/** A body that was too large to be kept in memory could not be kept in a file either. */
export class BodyFileError extends Error {
  override readonly name = 'BodyFileError';
  /** The option `directory`, or the system's own for such files. */
  readonly directory: string;
  /** What the operating system calls it, such as `ENOSPC`; `''` where it was something else. */
  readonly code: string;

  /**
   * @param doing what failed: `made`, `written` or `read`
   */
  constructor(doing: string, directory: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(
      `The file for the body of a message could not be ${doing} in ${directory}: ${why}. ` +
        'See the options directory (another place) and limits.memory (what is kept without a file).',
      { cause },
    );
    this.directory = directory;
    this.code = errorCode(cause);
  }
}
