import { inspect } from 'node:util';

import { traceOf } from '../common/call-site.js';
import { dotted, printable } from '../common/printable.js';
import { causeOf, isA } from '../common/text-of.js';
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
  line(text = ''): void {
    this.io.stdout.write(`${text}\n`);
  }

  /** One line of what is to be known beside the result, whatever is in the text. */
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

  /** Text in the colour of its mood, where there is colour. */
  paint(mood: Mood, text: string): string {
    if (!this.#colour) return text;
    const [on, off] = inspect.colors[COLOURS[mood]] ?? [0, 0];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }
}

/** As Node decides it: what is forced first, then what is unwanted, then whether somebody is looking. */
function hasColour({ env, stdout }: { env: CliIo['env']; stdout: CliOutput }): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: unwanted, TERM: kind } = env;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (unwanted !== undefined && unwanted !== '') return false;
  return stdout.isTTY === true && kind !== 'dumb';
}
