import type { Readable } from 'node:stream';
import type { Observable, ObservableInput } from 'rxjs';

/**
 * A body, piece by piece. Pieces are bytes, cut anywhere; they may be kept, but must not be written to.
 *
 * A reader has taken a piece when it asks for the next one, or stops: a loop when it comes round or is left, an
 * Observable when `next` has returned, a stream when it has room for more, `concatMap` when the inner stream has
 * completed. Whoever reads when the message is aborted, or after it is over, gets an error.
 *
 * @example
 * ```ts
 * for await (const piece of message.body) scanner.write(piece);
 * ```
 */
export interface BodyChunks extends AsyncIterable<Uint8Array> {
  /** The pieces as an Observable; each subscription is a reader. */
  readonly chunks: Observable<Uint8Array>;
  /**
   * The pieces as a Node stream, with room for 64 KiB. An error that nobody listens to does not end the process here;
   * `pipeline()` and `for await` get it as usual.
   */
  readable(): Readable;
  /**
   * The results of `project` for each piece, one after the other; as `concatMap` does it, but the next piece is asked
   * for only when the inner stream has completed. An inner error ends it, and so does an abort: at once, with the inner
   * stream unsubscribed.
   */
  concatMap<T>(project: (chunk: Uint8Array) => ObservableInput<T>): Observable<T>;
}

/** The body of `onMessage({ body: 'buffer' })`: collected, in memory or in a file without a name; read as often as one likes. */
export interface BufferedBody extends BodyChunks {
  /** The bytes that are here. */
  readonly size: number;
  /** Whether that is all of it: `false` beyond `maxBytes`, or where a limit has cut it. */
  readonly complete: boolean;
  /** All of it in one piece of memory; a copy, to do with as one likes. Rejects beyond what a Buffer can hold (4 GiB). */
  bytes(): Promise<Buffer>;
  /**
   * The same as text, decoded as the WHATWG Encoding Standard has it for `TextDecoder`: what cannot be decoded becomes
   * U+FFFD. `utf-8` by default; rejects with a RangeError for a label that is none of the standard's.
   */
  text(encoding?: string): Promise<string>;
}

/**
 * The body of `onMessage({ body: 'stream' })`: as it arrives, and only once; a second reader gets an error.
 *
 * The MTA is held up until a piece is taken, so never more than one is on its way. Once the reader has stopped, or the
 * message has its answer, the rest is not read any more.
 */
export interface StreamedBody extends BodyChunks {
  /** The bytes that have come so far. */
  readonly size: number;
  /**
   * Whether all of it has come: `false` before the end, where a limit has cut it, and where another filter has answered
   * `skip()`, so that the MTA left out the rest.
   */
  readonly complete: boolean;
}

/** The body of `onMessage({ body: 'digest' })`. */
export interface BodyDigest {
  /** The bytes that it is of. */
  readonly size: number;
  /** Whether that is all of the body; see `BufferedBody`. */
  readonly complete: boolean;
  /** Of the bytes as the MTA gave them. */
  readonly digest: Buffer;
}

/** What `onMessage` can do with the body, and what `message.body` is then. */
export interface Bodies {
  buffer: BufferedBody;
  stream: StreamedBody;
  digest: BodyDigest;
  none: undefined;
}

export type BodyMode = keyof Bodies;
