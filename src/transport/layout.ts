/** A part of a frame on its way out: text is written as UTF-8, bytes as they are. */
export type Piece = string | Uint8Array;

/**
 * How the data of a frame is laid out: the one description that the decoder and the encoder of a command or a reply
 * share.
 */
export interface Layout<F> {
  /** The layout in a line, for people. */
  readonly doc: string;
  /** Reads the fields from `data[start, end)`; throws `Malformed` where they do not fit. Copies no bytes. */
  decode(data: Buffer, start: number, end: number): F;
  /** The data as pieces to be joined. */
  encode(fields: F): readonly Piece[];
}
