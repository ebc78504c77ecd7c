import { styleText } from 'node:util';

import { traceOf } from '../common/call-site.js';
import { dotted, printable } from '../common/printable.js';
import { causeOf, isA } from '../common/text-of.js';

/** A stream that a command writes to. */
export interface CliOutput {
  write(chunk: string | Uint8Array): unknown;
  /** Whether a person reads it: then there is colour, and nothing is written that a terminal would obey. */
  readonly isTTY?: boolean | undefined;
}

/** All that a command knows of the process that it runs in, so that it can be run without one. */
export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The directory that paths are relative to. */
  readonly cwd: string;
  /** Calls `stop` whenever the command is to end (SIGINT, SIGTERM); returns how to take that back. */
  onStop(stop: () => void): () => void;
}

const STYLES = { good: 'green', bad: 'red', doubtful: 'yellow', quiet: 'gray', title: 'bold' } as const;

/** The meaning of a text, from which its colour follows. */
export type Style = keyof typeof STYLES;

/** An error may be its own cause. */
const MOST_CAUSES = 10;

/** Writes lines for people: in colour, and without what a terminal would obey, where it is one. */
export class Terminal {
  readonly io: CliIo;
  readonly #colour: boolean;

  constructor(io: CliIo) {
    this.io = io;
    this.#colour = hasColour(io);
  }

  /** A line of the result. */
  line(text: string, style?: Style): void {
    this.io.stdout.write(`${this.paint(text, style)}\n`);
  }

  /** One line beside the result, whatever is in the text. */
  note(text: string): void {
    this.io.stderr.write(`${printable(text)}\n`);
  }

  /** The traces of an error and of its causes. */
  trace(error: unknown): void {
    for (let at = error, depth = 0; isA(at, Error) && depth < MOST_CAUSES; at = causeOf(at), depth++) {
      this.io.stderr.write(`${traceOf(at)}\n`);
    }
  }

  /** Bytes as they are; on a terminal those of them that can be shown. */
  bytes(bytes: Uint8Array): void {
    if (this.io.stdout.isTTY !== true) this.io.stdout.write(bytes);
    else this.io.stdout.write(dotted(Buffer.from(bytes).toString('utf8').replaceAll('\r\n', '\n')));
  }

  /** Text in the colour of its style, where there is colour. */
  paint(text: string, style: Style | undefined): string {
    if (!this.#colour || style === undefined) return text;
    // Node would look at the streams of the process.
    return styleText(STYLES[style], text, { validateStream: false });
  }
}

/** `1 error`, `2 errors`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** By the rules of Node: forced colour, then unwanted colour, then whether a person reads it. */
function hasColour({ env, stdout }: CliIo): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: unwanted, TERM: kind } = env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (unwanted !== undefined && unwanted !== '') return false;
  return stdout.isTTY === true && kind !== 'dumb';
}
