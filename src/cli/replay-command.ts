import { type OperatorFunction, firstValueFrom, isObservable } from 'rxjs';

import { pickOptions } from '../common/options.js';
import { dotted, printable } from '../common/printable.js';
import { type ReplyDifference, compareReplies } from '../recording/compare-replies.js';
import { diagram } from '../recording/diagram.js';
import {
  type RecordedSession,
  type Recording,
  RecordingError,
  readRecording,
} from '../recording/recording.js';
import type { Flow } from '../session/flow.js';
import { SESSION_RULES, type SessionOptions } from '../session/options.js';
import { type Command, CommandError, UsageError, parseArguments } from './command.js';
import { lineDiff } from './diff.js';
import { readInput } from './files.js';
import { type FilterModule, loadFilter } from './load-filter.js';
import { type Style, type Terminal, counted } from './terminal.js';

const HELP = `Usage: rxmilter replay [options] RECORDING.jsonl FILTER.js

Plays the sessions of a recording (see rxmilter serve --record) to the filter that a module
exports, and shows which events it answers otherwise than was recorded. Nothing is sent
anywhere. Modules are as for rxmilter serve; of an Observable the first filter is taken.

  --session ID         only this session
  --diagram            draw each session as a marble diagram, with all its frames

  --debug              where in the program an error came from
  -h, --help           this

Exit status: 0 all answers are as recorded; 1 some are not, or it failed;
             2 the command line makes no sense.

Examples:
  rxmilter replay mail.jsonl filter.mjs
  rxmilter replay --session 3 --diagram mail.jsonl filter.mjs
`;

const OPTIONS = { session: { type: 'string' }, diagram: { type: 'boolean' } } as const;
/** The commands of an MTA that have no answer. */
const NO_EVENTS = new Set(['optneg', 'macro', 'abort', 'quit', 'quitNc']);
const GIVEN_BY: Readonly<Record<' ' | '-' | '+', readonly [who: string, style?: Style]>> = {
  ' ': ['both'],
  '-': ['recorded', 'bad'],
  '+': ['now', 'good'],
};

/** Plays a recording to a filter, and shows where it answers otherwise. */
export const replayCommand: Command = {
  name: 'replay',
  summary: 'play recorded sessions to a filter, and show where its answers differ',
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseArguments(args, OPTIONS, ['RECORDING.jsonl', 'FILTER.js']);
    const [file = '', moduleFile = ''] = positionals;
    const recording = read(await readInput(file, terminal.io), file);
    for (const { line } of recording.truncated) {
      terminal.note(`rxmilter replay: line ${line} of ${file} is not whole, and left out.`);
    }
    const sessions = chosen(recording, values.session, file);
    const module = await loadFilter(moduleFile, terminal);
    const filter = await oneOf(module, moduleFile);
    const settings = pickOptions<SessionOptions>(module.options, SESSION_RULES);
    let differing = 0;
    let events = 0;
    for (const session of sessions) {
      if (values.diagram === true) terminal.line(dotted(diagram(session)));
      const differences = await compareReplies(session, filter, settings);
      const count = eventsIn(session);
      showSession(session, count, differences, terminal);
      events += count;
      differing += differences.length;
    }
    const all = `${counted(sessions.length, 'session')}, ${counted(events, 'event')}`;
    if (differing === 0) terminal.line(`${all}: all answers are as recorded.`, 'good');
    else terminal.line(`${all}: ${counted(differing, 'answer')} not as recorded.`, 'bad');
    return differing === 0 ? 0 : 1;
  },
};

function showSession(
  session: RecordedSession,
  events: number,
  differences: readonly ReplyDifference[],
  terminal: Terminal,
): void {
  const client = clientOf(session);
  const name = `Session ${session.id}${client === '' ? '' : `, client ${client}`}, ${counted(events, 'event')}`;
  const result = differences.length === 0 ? 'as recorded' : counted(differences.length, 'difference');
  terminal.line(printable(`${name}: ${result}`));
  for (const { event, ms, recorded, replayed } of differences) {
    terminal.line(`  ${terminal.paint(printable(event), 'title')} (after ${ms.toFixed(1)} ms)`);
    for (const { sign, line } of lineDiff(recorded, replayed)) {
      const [who, style] = GIVEN_BY[sign];
      terminal.line(`    ${who.padEnd(8)}  ${printable(line)}`, style);
    }
  }
}

function read(bytes: Buffer, file: string): Recording {
  let recording: Recording;
  try {
    recording = readRecording(bytes);
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error;
    throw new CommandError(`${file}: ${error.message}`, { cause: error });
  }
  if (recording.sessions.length > 0) return recording;
  throw new CommandError(`${file}: no session is recorded in it.`);
}

function chosen({ sessions }: Recording, id: string | undefined, file: string): readonly RecordedSession[] {
  if (id === undefined) return sessions;
  const found = sessions.filter((session) => session.id === id);
  if (found.length > 0) return found;
  const ids = sessions.map((session) => session.id);
  const shown = ids.length > 20 ? [...ids.slice(0, 20), '…'] : ids;
  throw new UsageError(`--session ${id}: ${file} has no such session. It has: ${shown.join(', ')}.`);
}

/** The first one, of several. */
async function oneOf({ filter }: FilterModule, file: string): Promise<OperatorFunction<Flow, Flow>> {
  if (!isObservable(filter)) return filter;
  const first = await firstValueFrom(filter, { defaultValue: undefined });
  if (typeof first === 'function') return first;
  throw new CommandError(`${file}: its Observable gave no filter.`);
}

function eventsIn({ frames }: RecordedSession): number {
  return frames.filter(({ from, message }) => from === 'mta' && !NO_EVENTS.has(message.type)).length;
}

function clientOf({ frames }: RecordedSession): string {
  for (const { message } of frames) if (message.type === 'connect') return message.address || message.host;
  return '';
}
