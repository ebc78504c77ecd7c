/** Where a command writes to. */
export interface CliOutput {
  write(chunk: string | Uint8Array): unknown;
  /** Whether a person is looking: then there is colour, and nothing is written that a terminal would obey. */
  readonly isTTY?: boolean | undefined;
}

/** All that a command knows of the process that it runs in, so that it can be run without one. */
export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What paths are relative to. */
  readonly cwd: string;
  /** Calls `stop` whenever the command is to end (SIGINT, SIGTERM); returns how to take that back. */
  onStop(stop: () => void): () => void;
}
