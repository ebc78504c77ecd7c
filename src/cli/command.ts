import type { Terminal } from './terminal.js';

/** One of the commands of `rxmilter`. */
export interface Command {
  readonly name: string;
  /** In a line, for the list of commands. */
  readonly summary: string;
  /** What `--help` shows. */
  readonly help: string;
  /**
   * Does it, and resolves with the exit status.
   *
   * Rejects with a `UsageError` where the arguments make no sense, and with whatever went wrong.
   */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}
