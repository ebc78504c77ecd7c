import { main } from '../../../src/cli/main.js';
import type { CliIo, CliOutput } from '../../../src/cli/terminal.js';

/** What a command is run with; there is no terminal and no colour unless it is said otherwise. */
export interface CliSurroundings {
  readonly stdin?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
}

/** What a command did. */
export interface CliResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The standard output as it was written. */
  readonly bytes: Buffer;
}

/** A command that is running. */
export interface RunningCli {
  readonly result: Promise<CliResult>;
  /** What SIGINT does. */
  stop(): void;
  /** Resolves with the match when the standard output has it; rejects where the command ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts a command in this process. */
export function startCli(argv: readonly string[], surroundings: CliSurroundings = {}): RunningCli {
  const { stdin = '', cwd = process.cwd(), env = {}, isTTY = false } = surroundings;
  const stops = new Set<() => void>();
  const waiting = new Set<() => void>();
  const [stdout, stderr] = [collector(isTTY, waiting), collector(isTTY, waiting)];
  const io: CliIo = {
    stdin: inPieces(Buffer.from(stdin)),
    stdout,
    stderr,
    env,
    cwd,
    onStop: (stop) => {
      stops.add(stop);
      return () => stops.delete(stop);
    },
  };
  const result = main(argv, io).then((status) => ({
    status,
    stdout: stdout.text(),
    stderr: stderr.text(),
    bytes: stdout.bytes(),
  }));
  return {
    result,
    stop: () => stops.forEach((stop) => stop()),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout.text());
          if (match !== null) resolve(match);
        };
        waiting.add(look);
        look();
        result.then(({ stderr: told }) => reject(new Error(`It ended without that: ${told}`)), reject);
      }),
  };
}

/** Runs a command in this process to its end. */
export function runCli(argv: readonly string[], surroundings?: CliSurroundings): Promise<CliResult> {
  return startCli(argv, surroundings).result;
}

interface Collector extends CliOutput {
  text(): string;
  bytes(): Buffer;
}

function collector(isTTY: boolean, waiting: ReadonlySet<() => void>): Collector {
  const chunks: Buffer[] = [];
  return {
    isTTY,
    write: (chunk) => {
      chunks.push(Buffer.from(chunk));
      for (const each of waiting) each();
    },
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString(),
  };
}

/** Two of them, cut anywhere, as a pipe may do it. */
async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes.subarray(0, 7);
  yield bytes.subarray(7);
}
