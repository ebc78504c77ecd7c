import { encodeFrame } from './encode-frame.js';
import type { Piece } from './layout.js';
import { Malformed } from './malformed.js';
import { ProtocolError } from './protocol-error.js';

/** A `Layout` of whatever fields. */
interface AnyLayout {
  decode(data: Buffer, start: number, end: number): object;
  encode(fields: object): readonly Piece[];
}

interface Row {
  readonly letter: string;
  readonly layout: AnyLayout;
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
  /** The whole frame, length included. */
  encode(message: Message<T>): Buffer;
  /**
   * Reads the data of one frame.
   *
   * @param offset where the frame began in its connection, for the error
   * @throws ProtocolError where the letter is unknown or the data does not have its layout
   */
  decode(letter: number, data: Buffer, start: number, end: number, offset?: number): Message<T>;
}

/** Makes the codec of a table. */
export function codec<T extends Record<string, Row>>(table: T): Codec<T> {
  const known = new Uint8Array(256);
  const rows = new Map<number, { readonly type: string; readonly layout: AnyLayout }>();
  for (const [type, row] of Object.entries(table)) {
    const letter = row.letter.charCodeAt(0);
    known[letter] = 1;
    rows.set(letter, { type, layout: row.layout });
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
      if (row === undefined) throw new ProtocolError('nobody knows this letter', name, offset);
      try {
        return { type: row.type, ...row.layout.decode(data, start, end) } as Message<T>;
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        throw new ProtocolError(`${row.type}: ${error.message}`, name, offset);
      }
    },
  };
}
