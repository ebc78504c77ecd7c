import { type Layout, Malformed, type Piece } from './layouts.js';
import { ProtocolError } from './protocol-error.js';

/** Text up to that long is written here, which is cheaper than to have it written. */
const SHORT = 48;

/** One frame: length, letter and the pieces, in one buffer. */
export function encodeFrame(letter: string, pieces: readonly Piece[]): Buffer {
  // Nearly all text is ASCII: then it has as many bytes as characters.
  const plain = pieces.reduce((sum, piece) => sum + piece.length, 5);
  const frame = Buffer.allocUnsafe(plain);
  if (fill(frame, letter, pieces)) return frame;
  const size = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 5);
  const longer = Buffer.allocUnsafe(size);
  let at = 5;
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    longer.set(bytes, at);
    at += bytes.length;
  }
  begin(longer, letter);
  return longer;
}

/** Writes the frame; `false` where it has text that is not ASCII. */
function fill(out: Buffer, letter: string, pieces: readonly Piece[]): boolean {
  let at = 5;
  for (const piece of pieces) {
    const { length } = piece;
    if (typeof piece !== 'string') {
      if (length === 1) out[at] = piece[0] ?? 0;
      else out.set(piece, at);
    } else if (length <= SHORT) {
      for (let index = 0; index < length; index++) {
        const code = piece.charCodeAt(index);
        if (code > 0x7f) return false;
        out[at + index] = code;
      }
    } else if (Buffer.byteLength(piece) !== length) {
      return false;
    } else {
      out.write(piece, at);
    }
    at += length;
  }
  begin(out, letter);
  return true;
}

function begin(frame: Buffer, letter: string): void {
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = letter.charCodeAt(0);
}

interface Row {
  readonly letter: string;
  readonly layout: Layout<object>;
}
type FieldsOf<R extends Row> = ReturnType<R['layout']['decode']>;

/** A decoded frame: which row of the table it is, and its fields. */
export type Message<T extends Record<string, Row>> = {
  [N in keyof T & string]: { readonly type: N } & FieldsOf<T[N]>;
}[keyof T & string];

/** Encoder and decoder made from a table of commands or replies. */
export interface Codec<T extends Record<string, Row>> {
  /** For each possible first byte whether the table has it. */
  readonly known: Uint8Array;
  encode(message: Message<T>): Buffer;
  /**
   * Reads the data of the frame that began at `offset`; throws a `ProtocolError` where it is unknown or malformed.
   */
  decode(letter: number, data: Buffer, start: number, end: number, offset?: number): Message<T>;
}

export function codec<T extends Record<string, Row>>(table: T): Codec<T> {
  const known = new Uint8Array(256);
  const rows = new Map<number, { readonly type: string; readonly layout: Layout<object> }>();
  for (const [type, { letter, layout }] of Object.entries(table)) {
    known[letter.charCodeAt(0)] = 1;
    rows.set(letter.charCodeAt(0), { type, layout });
  }
  return {
    known,
    encode(message) {
      const row = table[message.type];
      if (row === undefined) throw new TypeError(`No frame is called ${JSON.stringify(message.type)}.`);
      return encodeFrame(row.letter, row.layout.encode(message));
    },
    decode(letter, data, start, end, offset = 0) {
      const row = rows.get(letter);
      const name = String.fromCharCode(letter);
      if (row === undefined) throw new ProtocolError('this letter is unknown', name, offset);
      try {
        return { type: row.type, ...row.layout.decode(data, start, end) } as Message<T>;
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        throw new ProtocolError(`${row.type}: ${error.message}`, name, offset);
      }
    },
  };
}
