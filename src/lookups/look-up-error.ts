/** A look-up gave no answer: it took too long, or came to its end without one. */
export class LookUpError extends Error {
  override readonly name = 'LookUpError';
  readonly reason: 'timeout' | 'empty';
  /** What was looked up, as the key that it has. */
  readonly key: string | number;

  constructor(reason: 'timeout' | 'empty', key: string | number, message: string) {
    super(message);
    this.reason = reason;
    this.key = key;
  }
}
