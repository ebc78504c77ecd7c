import type { Readable } from 'node:stream';

import type { Observable, ObservableInput } from 'rxjs';

/** A body, piece by piece. Pieces are bytes, cut anywhere; they may be kept, but must not be written to. */
export interface BodyChunks extends AsyncIterable<Uint8Array> {
  /** The pieces as an Observable. A piece counts as taken when `next` has returned. */
  readonly chunks: Observable<Uint8Array>;
  /** The pieces as a Node stream. */
  readable(): Readable;
  /**
   * The results of `project` for each piece, one after the other; as `concatMap` does it, but the next piece is asked
   * for only when the inner stream has completed.
   */
  concatMap<T>(project: (chunk: Uint8Array) => ObservableInput<T>): Observable<T>;
}

/** The body of `onMessage({ body: 'buffer' })`: collected, in memory or in a file without a name; read as often as one likes. */
export interface BufferedBody extends BodyChunks {
  /** The bytes that are here. */
  readonly size: number;
  /** Whether that is all of it: `false` beyond `maxBytes`, or where a limit has cut it. */
  readonly complete: boolean;
  /** All of it in one piece of memory. */
  bytes(): Promise<Buffer>;
  /** The same as text, decoded as `TextDecoder` does it; `utf-8` by default. */
  text(encoding?: string): Promise<string>;
}

/** The body of `onMessage({ body: 'stream' })`: as it arrives, and only once. */
export interface StreamedBody extends BodyChunks {
  /** The bytes that have come so far. */
  readonly size: number;
}

/** The body of `onMessage({ body: 'digest' })`. */
export interface BodyDigest {
  readonly size: number;
  /** Of all bytes as the MTA gave them. */
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
