/** A recording that cannot be read: says in which line, and what is wrong with it. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  /** From 1. */
  readonly line: number;

  constructor(line: number, problem: string, cause?: unknown) {
    super(`Line ${line} of the recording: ${problem}.`, cause === undefined ? undefined : { cause });
    this.line = line;
  }
}
