import { isUtf8 } from 'node:buffer';

import { messageOf } from '../common/text-of.js';
import { commandCodec, type Command } from '../transport/wire/commands.js';
import { replyCodec, type WireReply } from '../transport/wire/replies.js';

/** A frame that went over the wire. */
export type RecordedFrame = {
  /** Milliseconds from the first frame of the session. */
  readonly ms: number;
} & (
  | { readonly from: 'mta'; readonly message: Command }
  | { readonly from: 'filter'; readonly message: WireReply }
);

/** The frames of MTA and filter on one connection. */
export interface RecordedSession {
  /** Unique in its recording. */
  readonly id: string;
  /** In the order in which they were handled: replies follow on the event that they are for. */
  readonly frames: readonly RecordedFrame[];
}

/** A recording, as `readRecording()` reads it. */
export interface Recording {
  /** In the order in which they began. */
  readonly sessions: readonly RecordedSession[];
  /** Last lines of a run that are not whole, since the program was ended while it wrote: the others are all there. */
  readonly truncated: readonly { readonly line: number; readonly text: string }[];
}

/** A recording cannot be read: the message has the line and the fault. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  /** From 1. */
  readonly line: number;

  constructor(line: number, problem: string, cause?: unknown) {
    super(`Line ${line} of the recording: ${problem}.`, cause === undefined ? undefined : { cause });
    this.line = line;
  }
}

type Fields = Readonly<Record<string, unknown>>;

interface Codec {
  encode(message: unknown): Buffer;
  decode(letter: number, data: Buffer, start: number, end: number): unknown;
}

/**
 * Reads the lines that `record()` has written.
 *
 * @remarks
 * A file may have several runs of a program; sessions of the second and later ones have the number of their run before
 * their id. The last line of a run may not be whole: it is in `truncated`, and the rest is used.
 *
 * @throws RecordingError where another line is not one of a recording, or its version is not known
 * @example const { sessions } = readRecording(readFileSync('mail.jsonl'));
 * @see compareReplies, replay and diagram for the sessions
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
        const version = JSON.stringify(value.version);
        throw new RecordingError(number, `its version is ${version}, and only 1 is known`);
      }
      run++;
    } else {
      if (run === 0) throw new RecordingError(number, 'it comes before the line that begins a recording');
      try {
        const { session, frame } = readFrame(value);
        const id = run === 1 ? session : `${run}:${session}`;
        const frames = sessions.get(id) ?? [];
        sessions.set(id, frames);
        frames.push(frame);
      } catch (error) {
        throw new RecordingError(number, messageOf(error), error);
      }
    }
  }
  return { sessions: Array.from(sessions, ([id, frames]) => ({ id, frames })), truncated };
}

function parse(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** A frame as a line of JSON: its fields, and bytes only where they are not those of the text. */
export function writeFrame(session: string, { ms, from, message }: RecordedFrame): string {
  const { type, ...fields } = message;
  return JSON.stringify({ session, ms, from, type, ...readable(fields) });
}

/** Reads such a line, already parsed. Throws an `Error` that names the fault. */
export function readFrame(value: Fields): { readonly session: string; readonly frame: RecordedFrame } {
  const { session, ms, from, type, ...fields } = value;
  if (typeof session !== 'string') throw new Error('it has no session');
  if (typeof ms !== 'number' || !(ms >= 0)) throw new Error('its time (ms) is not a number from 0 on');
  if (from !== 'mta' && from !== 'filter') throw new Error("it is neither from 'mta' nor from 'filter'");
  try {
    const message = { type, ...bytes(fields) } as unknown;
    const codec = (from === 'mta' ? commandCodec : replyCodec) as Codec;
    // Only a frame comes out of its bytes again.
    const bytesOf = codec.encode(message);
    const read = codec.decode(bytesOf[4] ?? 0, bytesOf, 5, bytesOf.length);
    return { session, frame: { ms, from, message: read } as RecordedFrame };
  } catch (error) {
    throw new Error(`it is no frame called ${JSON.stringify(type)}`, { cause: error });
  }
}

function readable(fields: Fields): Fields {
  const { raw, data, ...others } = fields;
  if (data instanceof Uint8Array) {
    const bytes = Buffer.from(data);
    return {
      ...others,
      ...(isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') }),
    };
  }
  if (!(raw instanceof Uint8Array) || Buffer.from(textOf(fields)).equals(raw)) return others;
  return { ...others, raw: Buffer.from(raw).toString('base64') };
}

function bytes(fields: Fields): Fields {
  const { raw, base64, ...others } = fields;
  if (typeof base64 === 'string') return { ...others, data: Buffer.from(base64, 'base64') };
  if (typeof raw === 'string') return { ...others, raw: Buffer.from(raw, 'base64') };
  // Only a body has its text as bytes; the codecs of the others do not look at them.
  return typeof others.text === 'string' ? { ...others, data: Buffer.from(others.text) } : others;
}

/** The text of a frame that its `raw` bytes are those of. */
function textOf(fields: Fields): string {
  const found = fields.host ?? fields.text ?? fields.value ?? fields.address;
  return typeof found === 'string' ? found : '';
}
