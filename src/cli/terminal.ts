import { inspect } from 'node:util';

import type { CliIo, CliOutput } from './cli-io.js';

/** What something is, from which its colour follows. */
export type Mood = 'good' | 'bad' | 'doubtful' | 'quiet' | 'title';

const COLOURS: Readonly<Record<Mood, string>> = {
  good: 'green',
  bad: 'red',
  doubtful: 'yellow',
  quiet: 'gray',
  title: 'bold',
};

/** Writes lines for people: in colour, and without what a terminal would obey, where it is one. */
export class Terminal {
  readonly io: CliIo;
  readonly #colour: boolean;

  constructor(io: CliIo) {
    this.io = io;
    this.#colour = hasColour(io);
  }

  /** A line of the result. */
  line(text = ''): void {
    this.io.stdout.write(`${text}\n`);
  }

  /** A line of what is to be known beside the result. */
  note(text: string): void {
    this.io.stderr.write(`${printable(text)}\n`);
  }

  /** Bytes as they are; on a terminal those of them that can be shown. */
  bytes(bytes: Uint8Array): void {
    if (this.io.stdout.isTTY !== true) this.io.stdout.write(bytes);
    else this.io.stdout.write(printable(Buffer.from(bytes).toString('utf8').replaceAll('\r\n', '\n')));
  }

  /** Text in the colour of its mood, where there is colour. */
  paint(mood: Mood, text: string): string {
    if (!this.#colour) return text;
    const [on, off] = inspect.colors[COLOURS[mood]] ?? [0, 0];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }
}

/** Text that a terminal only shows: mail may hold what would have it do other things. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '·');
}

/** As Node decides it: what is forced first, then what is unwanted, then whether somebody is looking. */
function hasColour({ env, stdout }: { env: CliIo['env']; stdout: CliOutput }): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: unwanted, TERM: kind } = env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (unwanted !== undefined && unwanted !== '') return false;
  return stdout.isTTY === true && kind !== 'dumb';
}
