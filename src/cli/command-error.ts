/** Something that a command cannot do its work without, and what to do about it. Exit status 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
