import { messageOf } from '../common/text-of.js';
import { readFrame } from './frame-line.js';
import { RecordingError } from './recording-error.js';
import type { RecordedFrame, Recording } from './recording.js';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads what `record()` has written. A file may have several runs of a program one after the other; sessions of the
 * second and later ones have the number of their run before their id.
 *
 * The last line of a run may not be whole: it is told in `truncated`, and the rest is used.
 *
 * @param text the lines, as text or as bytes
 * @throws RecordingError where another line is none, or the recording is of a version that is not known
 * @example const { sessions } = readRecording(readFileSync('mail.jsonl'));
 */
export function readRecording(text: string | Uint8Array): Recording {
  const lines = (typeof text === 'string' ? text : Buffer.from(text).toString('utf8'))
    .split('\n')
    .map((line, at) => ({ text: line, number: at + 1 }))
    .filter((line) => line.text.trim() !== '');
  const sessions = new Map<string, RecordedFrame[]>();
  const truncated: Recording['truncated'][number][] = [];
  let run = 0;
  for (const [at, { text: line, number }] of lines.entries()) {
    const value = parse(line);
    if (value === undefined) {
      const next = lines[at + 1];
      const last = next === undefined || parse(next.text)?.rxmilter !== undefined;
      if (run === 0 || !last)
        throw new RecordingError(number, 'it is no line of a recording: not an object of JSON');
      truncated.push({ line: number, text: line });
    } else if (value.rxmilter !== undefined) {
      if (value.version !== 1) {
        throw new RecordingError(
          number,
          `its version is ${JSON.stringify(value.version)}, and only 1 is known`,
        );
      }
      run++;
    } else {
      if (run === 0) throw new RecordingError(number, 'it comes before the line that begins a recording');
      const { session, frame } = frameIn(value, number);
      const id = run === 1 ? session : `${run}:${session}`;
      const frames = sessions.get(id);
      if (frames === undefined) sessions.set(id, [frame]);
      else frames.push(frame);
    }
  }
  return { sessions: Array.from(sessions, ([id, frames]) => ({ id, frames })), truncated };
}

function frameIn(value: Fields, number: number): ReturnType<typeof readFrame> {
  try {
    return readFrame(value);
  } catch (error) {
    throw new RecordingError(number, messageOf(error), error);
  }
}

function parse(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}
