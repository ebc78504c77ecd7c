import { checkOptions, rule } from '../common/options.js';
import { COMMANDS } from '../transport/wire/commands.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import type { RecordedFrame, RecordedSession } from './recording.js';

/** The options of `diagram()`. */
export interface DiagramOptions {
  /** Milliseconds that one dash stands for. Default: so many that the drawing is about 80 characters wide. */
  readonly unit?: number | undefined;
}

const UNIT = rule(
  'a number of milliseconds above 0',
  (value) => typeof value === 'number',
  (value) => Number.isFinite(value) && Number(value) > 0,
);

const WIDTH = 80;
/** The letters of the protocol would be taken for time. */
const REPLY_MARKS: Readonly<Record<string, string>> = {
  optneg: 'o',
  continue: 'c',
  accept: 'a',
  reject: 'r',
  tempfail: 't',
  discard: 'd',
  replycode: 'y',
  skip: 's',
  progress: 'p',
};

/**
 * Draws a recorded session as a marble diagram in text, and under it a line for each frame.
 *
 * @remarks
 * Events of the MTA, with the letters of the wire, are above the replies: `c` continue, `a` accept, `r` reject,
 * `t` tempfail, `y` a reply with a text, `d` discard, `s` skip, `p` progress, `o` negotiation, `*` a modification. Frames
 * of the same moment are in parentheses, and `|` is the end. Macros are left out.
 *
 * @throws TypeError or RangeError where an option is wrong
 * @example console.log(diagram(session));
 */
export function diagram({ frames }: RecordedSession, options: DiagramOptions = {}): string {
  checkOptions<DiagramOptions>('diagram()', options, { unit: UNIT });
  const shown = frames.filter(({ message }) => message.type !== 'macro');
  const length = shown.reduce((most, { ms }) => Math.max(most, ms), 0);
  const unit = options.unit ?? Math.max(1, length / WIDTH);
  const moments = new Map<number, Record<RecordedFrame['from'], string>>();
  for (const frame of shown) {
    const moment = Math.floor(frame.ms / unit);
    const marks = moments.get(moment) ?? { mta: '', filter: '' };
    marks[frame.from] += markOf(frame);
    moments.set(moment, marks);
  }
  const rows = { mta: '', filter: '' };
  let column = 0;
  for (const [moment, marks] of moments) {
    const [mta, filter] = [grouped(marks.mta), grouped(marks.filter)];
    const pause = '-'.repeat(Math.max(0, moment - column));
    const width = Math.max(mta.length, filter.length);
    rows.mta += pause + mta.padEnd(width, '-');
    rows.filter += pause + filter.padEnd(width, '-');
    column = moment + 1;
  }
  const end = shown.at(-1)?.message.type === 'quit' ? '|' : '';
  const legend = shown.map(
    (frame) =>
      `${frame.ms.toFixed(1).padStart(String(Math.ceil(length)).length + 2)} ms  ${frame.from.padEnd(6)}  ${markOf(frame)}  ${describeMessage(frame.message)}`,
  );
  return [`mta     ${rows.mta}${end}`, `filter  ${rows.filter}${end}`, '', ...legend].join('\n');
}

function grouped(marks: string): string {
  return marks.length > 1 ? `(${marks})` : marks;
}

function markOf({ from, message }: RecordedFrame): string {
  return from === 'mta' ? COMMANDS[message.type].letter : (REPLY_MARKS[message.type] ?? '*');
}
