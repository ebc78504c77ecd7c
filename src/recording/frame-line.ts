import { commandCodec, type Command } from '../transport/wire/commands.js';
import { replyCodec, type WireReply } from '../transport/wire/replies.js';
import type { RecordedFrame } from './recording.js';

/** What a line of a recording holds beside the fields of its frame. */
interface Line {
  readonly session: string;
  readonly frame: RecordedFrame;
}

type Fields = Readonly<Record<string, unknown>>;

/** A frame as a line of JSON: its fields, and bytes only where they are not what the text says. */
export function writeFrame(session: string, { ms, from, message }: RecordedFrame): string {
  const { type, ...fields } = message;
  return JSON.stringify({ session, ms, from, type, ...readable(fields) });
}

/** Reads such a line, already parsed. Throws an `Error` that says what is wrong with it. */
export function readFrame(value: Fields): Line {
  const { session, ms, from, type, ...fields } = value;
  if (typeof session !== 'string') throw new Error('it has no session');
  if (typeof ms !== 'number' || !(ms >= 0)) throw new Error('its time (ms) is none');
  if (from !== 'mta' && from !== 'filter') throw new Error("it is neither from 'mta' nor from 'filter'");
  const message = { type, ...bytes(fields) } as unknown;
  try {
    // What comes out of its bytes again is a frame, whatever was in the line.
    if (from === 'mta')
      return { session, frame: { ms, from, message: check(commandCodec, message as Command) } };
    return { session, frame: { ms, from, message: check(replyCodec, message as WireReply) } };
  } catch (error) {
    throw new Error(`it is no frame called ${JSON.stringify(type)}`, { cause: error });
  }
}

function check<M>(
  codec: { encode(message: M): Buffer; decode(letter: number, data: Buffer, start: number, end: number): M },
  message: M,
): M {
  const frame = codec.encode(message);
  return codec.decode(frame[4] ?? 0, frame, 5, frame.length);
}

function readable(fields: Fields): Fields {
  const { raw, data, ...others } = fields;
  if (data instanceof Uint8Array) {
    const text = Buffer.from(data).toString('utf8');
    return { ...others, ...(same(text, data) ? { text } : { base64: Buffer.from(data).toString('base64') }) };
  }
  if (!(raw instanceof Uint8Array) || same(textOf(fields), raw)) return others;
  return { ...others, raw: Buffer.from(raw).toString('base64') };
}

function bytes(fields: Fields): Fields {
  const { raw, base64, ...others } = fields;
  if (typeof base64 === 'string') return { ...others, data: Buffer.from(base64, 'base64') };
  if (typeof raw === 'string') return { ...others, raw: Buffer.from(raw, 'base64') };
  // A body has no text of its own; what has one has no use for these bytes.
  return typeof others.text === 'string' ? { ...others, data: Buffer.from(others.text) } : others;
}

/** The text that the bytes of a frame are those of. */
function textOf(fields: Fields): string {
  const found = fields.host ?? fields.text ?? fields.value ?? fields.address;
  return typeof found === 'string' ? found : '';
}

function same(text: string, bytes: Uint8Array): boolean {
  return Buffer.from(text).equals(bytes);
}
