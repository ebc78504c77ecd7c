import { checkArgument, checkOptions, func, object } from '../common/options.js';
import type { TraceEntry } from '../session/connection/tracer.js';
import type { SessionInfo } from '../session/session-info.js';
import { COMMANDS, type Command, commandCodec } from '../transport/wire/commands.js';
import { REPLIES, replyCodec } from '../transport/wire/replies.js';
import { type RecordedFrame, writeFrame } from './recording.js';
import { REDACTION_RULES, type Redaction, Redactor } from './redactor.js';

/** The options of `record()`. */
export interface RecordOptions {
  /** The parts to leave out. Default: none, the recording has all that went over the wire. */
  readonly redact?: Redaction | undefined;
}

/** The state of a session that is being recorded. */
interface Running {
  readonly began: number;
  /** The parts of a body frame that has not ended. */
  parts: Uint8Array[];
  readonly redactor: Redactor | undefined;
}

/**
 * Records the frames of all sessions, with their times, as lines of JSON. Its result is for the option `trace`.
 *
 * @remarks
 * Each line ends with a line feed, and is written before the filter has seen its event, so that a recording is good for
 * all that came before a crash. An error that `write` throws ends the recording, is reported, and costs no mail.
 *
 * @param write called with each line; a promise that it returns is not waited for
 * @throws TypeError where an argument is wrong
 * @see readRecording to read the lines
 * @example
 * const file = createWriteStream('mail.jsonl', { flags: 'a' });
 * await serve(filter, { listen: 'inet:8891@127.0.0.1', trace: record((line) => file.write(line)) });
 */
export function record(
  write: (line: string) => unknown,
  options: RecordOptions = {},
): (entry: TraceEntry) => void {
  checkArgument('record()', 'the first argument', write, func);
  checkOptions<RecordOptions>('record()', options, { redact: object(REDACTION_RULES) });
  const { redact } = options;
  const running = new WeakMap<SessionInfo, Running>();
  let begun = false;
  return (entry) => {
    if (!begun) {
      begun = true;
      // On a line of its own, also after a run that was ended in the middle of one.
      write(`\n${JSON.stringify({ rxmilter: 'recording', version: 1, at: new Date().toISOString() })}\n`);
    }
    const now = performance.now();
    const known = running.get(entry.session);
    const session = known ?? { began: now, parts: [], redactor: redact && new Redactor(redact) };
    if (known === undefined) running.set(entry.session, session);
    const ms = Math.round((now - session.began) * 1000) / 1000;
    const frame = frameOf(entry, ms, session);
    if (frame === undefined) return;
    write(`${writeFrame(entry.session.id, session.redactor?.redact(frame) ?? frame)}\n`);
  };
}

function frameOf(entry: TraceEntry, ms: number, session: Running): RecordedFrame | undefined {
  const data = Buffer.from(entry.data);
  if (entry.from === 'filter') {
    const letter = REPLIES[entry.name].letter.charCodeAt(0);
    return { ms, from: 'filter', message: replyCodec.decode(letter, data, 0, data.length) };
  }
  if (entry.name === 'body') {
    session.parts.push(data);
    if (!entry.last) return undefined;
    const message: Command = { type: 'body', data: Buffer.concat(session.parts) };
    session.parts = [];
    return { ms, from: 'mta', message };
  }
  const letter = COMMANDS[entry.name].letter.charCodeAt(0);
  return { ms, from: 'mta', message: commandCodec.decode(letter, data, 0, data.length) };
}
