import type { Readable } from 'node:stream';
import type { Observable } from 'rxjs';

import type { EnvelopePath } from '../session/envelope-path.js';
import type { Modification } from '../session/modifications.js';
import type { AuthFacts, Client, Macros, SessionInfo, TlsFacts } from '../session/session-info.js';
import type { Headers } from './headers/headers.js';

/**
 * A body that is read piece by piece: an async iterable, an Observable or a Node stream.
 *
 * @remarks
 * Pieces are bytes, cut anywhere; they may be kept, but not written to. A loop has taken a piece when it comes round, an
 * Observable when `next` has returned (`concatMap` keeps the others in memory), a stream when it has room for more. A
 * reader gets an error when the message is aborted, or after it is over.
 *
 * @example for await (const piece of message.body) scanner.write(piece);
 */
export interface BodyChunks extends AsyncIterable<Uint8Array> {
  /** The pieces as an Observable; each subscription is a reader. */
  readonly chunks: Observable<Uint8Array>;
  /** The pieces as a Node stream, with room for 64 KiB. An error without a listener does not end the process. */
  readable(): Readable;
}

/** The body of `onMessage({ body: 'buffer' })`: in memory or in a file, to be read as often as you like. */
export interface BufferedBody extends BodyChunks {
  /** The bytes that are here. */
  readonly size: number;
  /** Whether that is all of it: `false` beyond `maxBytes`, or where a limit has cut it. */
  readonly complete: boolean;
  /**
   * All of it in one Buffer, a copy.
   *
   * @throws RangeError (the promise) beyond what a Buffer can hold (4 GiB)
   */
  bytes(): Promise<Buffer>;
  /**
   * All of it as text; bytes that cannot be decoded become U+FFFD.
   *
   * @param encoding a label of the WHATWG Encoding Standard, as for `TextDecoder`; `utf-8` by default
   * @throws RangeError (the promise) for another label
   */
  text(encoding?: string): Promise<string>;
}

/**
 * The body of `onMessage({ body: 'stream' })`: read as it arrives, and only once.
 *
 * @remarks
 * A second reader gets an error. The MTA waits until a piece is taken. Once the reader has stopped, or the message has
 * its answer, the rest is not read any more.
 */
export interface StreamedBody extends BodyChunks {
  /** The bytes that have come so far. */
  readonly size: number;
  /** Whether all of it has come: `false` before the end, or where a limit or another filter's `skip()` has cut it. */
  readonly complete: boolean;
}

/** The modes of `onMessage` for the body, and the type of `message.body` in each. */
export interface Bodies {
  buffer: BufferedBody;
  stream: StreamedBody;
  none: undefined;
}

/** How `onMessage()` gives the body: collected (`'buffer'`), as it arrives (`'stream'`), or not at all (`'none'`). */
export type BodyMode = keyof Bodies;

/** A message as a whole, as earlier filters of the pipeline want it to be. */
export interface Message<B extends BodyMode = 'buffer'> {
  readonly session: SessionInfo;
  readonly client: Client;
  readonly helo: string | undefined;
  /** The queue id of the MTA (macro `i`). */
  readonly queueId: string | undefined;
  readonly auth: AuthFacts | undefined;
  readonly tls: TlsFacts | undefined;
  /** The macros in scope. */
  readonly macros: Macros;
  readonly sender: EnvelopePath;
  /** Those that neither the MTA nor a filter has refused. */
  readonly recipients: readonly EnvelopePath[];
  readonly headers: Headers;
  readonly body: Bodies[B];
  /** Bytes of header, empty line and body, as far as the body is here. */
  readonly size: number;
  /** The parts that a limit has cut off (`beyond: 'truncate'`). */
  readonly truncated: { readonly recipients: boolean; readonly headers: boolean; readonly body: boolean };
  /** Changes by earlier filters; they are in all of the above already. */
  readonly modifications: readonly Modification[];
  /** Header, empty line and body as one stream of bytes, lines ended by CRLF, for programs that read whole messages. */
  readonly source: B extends 'buffer' | 'stream' ? () => Readable : undefined;
}
