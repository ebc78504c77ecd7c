/** Text that is no message; `line` says where, from 1. */
export class EmlError extends Error {
  override readonly name = 'EmlError';
  readonly line: number;

  constructor(line: number, reason: string) {
    super(`Line ${line}: ${reason}`);
    this.line = line;
  }
}
