/** A command line that cannot be understood: says what is wrong with it, and what to write instead. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
