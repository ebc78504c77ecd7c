import { type Layout, Malformed, type Piece } from './layouts.js';
import { ProtocolError } from './protocol-error.js';

/** Frames are written here first: that is cheaper than to ask each string for its length beforehand. */
const SCRATCH = Buffer.allocUnsafeSlow(4096);
/** The most bytes that a UTF-16 unit can become. */
const MAX_UTF8 = 3;

/** One frame: length, letter and the pieces, in one buffer. */
export function encodeFrame(letter: string, pieces: readonly Piece[]): Buffer {
  let most = 5;
  for (const piece of pieces) most += typeof piece === 'string' ? MAX_UTF8 * piece.length : piece.length;
  if (most <= SCRATCH.length) return Buffer.from(fill(SCRATCH, letter, pieces));
  const size = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 5);
  return fill(Buffer.allocUnsafe(size), letter, pieces);
}

/** Writes the frame at the beginning of `out` and gives that part of it. */
function fill(out: Buffer, letter: string, pieces: readonly Piece[]): Buffer {
  let at = 5;
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      if (piece !== '') at += out.write(piece, at);
    } else if (piece.length === 1) {
      out[at++] = piece[0] ?? 0;
    } else {
      out.set(piece, at);
      at += piece.length;
    }
  }
  out.writeUInt32BE(at - 4, 0);
  out[4] = letter.charCodeAt(0);
  return at === out.length ? out : out.subarray(0, at);
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
