import type { Terminal } from './terminal.js';

/** One of the commands of `rxmilter`. */
export interface Command {
  readonly name: string;
  /** In a line, for the list of commands. */
  readonly summary: string;
  /** The text of `--help`. */
  readonly help: string;
  /** Runs it, and resolves with the exit status; rejects with a `UsageError` where the arguments are wrong. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** A command cannot do its work: says what is missing, and what to do about it. Exit status 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** A command line cannot be understood: says what is wrong with it, and what to write instead. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
