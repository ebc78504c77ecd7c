import type { Readable } from 'node:stream';
import { Observable, type Subscriber } from 'rxjs';

import type { StreamedBody } from '../message.js';
import { ChunkReader } from './chunk-reader.js';

const ANSWERED =
  'The message has its answer, and the rest of its body is not read any more: wait for the end of the body before the answer.';
const SECOND =
  "This body is being read already, or has been: it comes only once. With the option body: 'buffer' it can be read again.";

interface Reader {
  /** Whether it waits for a piece, and so has taken the last one. */
  readonly waits: boolean;
  next(chunk: Uint8Array): void;
  /** There are no more; with an error the message is over. */
  end(error?: Error): void;
}

type Result = IteratorResult<Uint8Array, undefined>;

/** A `next()` of an iterator that has nothing to give yet. */
interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

/** A body between the MTA, which gives it piece by piece, and its one reader. */
export class BodyChannel {
  readonly body: StreamedBody;
  readonly observable = new Observable<Uint8Array>((subscriber) => this.#observe(subscriber));
  size = 0;
  complete = false;
  #opened = false;
  #reader: Reader | undefined;
  #stream: Readable | undefined;
  /** A piece that the reader was not given yet. */
  #piece: Uint8Array | undefined;
  /** Resolves what `push()` has returned. */
  #taken: (() => void) | undefined;
  #ended = false;
  #failure: Error | undefined;
  #unwanted = false;

  constructor(failed?: (reason: unknown) => void) {
    this.body = new ChannelBody(this, failed);
  }

  /** No more of it is wanted: the reader has stopped, or the message is over. */
  get unwanted(): boolean {
    return this.#unwanted;
  }

  /**
   * Hands a piece to the reader.
   *
   * @returns nothing when it is taken; else a promise for when it will be, which never rejects. Until then nothing more
   * may be pushed
   */
  push(chunk: Uint8Array): Promise<void> | undefined {
    this.size += chunk.length;
    if (this.#unwanted || this.#ended || chunk.length === 0) return undefined;
    this.#piece = chunk;
    this.#serve();
    return this.#isTaken() ? undefined : new Promise((resolve) => (this.#taken = resolve));
  }

  /** There is no more; `complete` where nothing was left out. */
  end(complete = true): void {
    if (this.#unwanted || this.#ended) return;
    this.#ended = true;
    this.complete = complete;
    this.#serve();
  }

  /** The message is over: a reader that has not seen the end gets the error, at once; a later one, too. */
  fail(error: Error): void {
    if (this.#unwanted) return;
    this.#failure = error;
    const reader = this.#reader;
    const waits = reader?.waits === true;
    this.#stop();
    reader?.end(error);
    // A stream that is full would learn of it only when it has room again.
    if (!waits) this.#stream?.destroy(error);
  }

  /** The message has its answer. A reader gets an error, unless the end was there already. */
  drop(): void {
    if (!this.#ended) this.fail(new Error(ANSWERED));
    this.#release();
  }

  /** An iterator whose `return()` does not wait for a `next()` in progress, as that of a generator would. */
  iterate(): AsyncIterator<Uint8Array, undefined> {
    const waiting: Waiting[] = [];
    const finish = ({ resolve }: Waiting): void => resolve(DONE);
    /** Settles the next `next()`, once there are no more pieces. */
    let last: ((one: Waiting) => void) | undefined;
    const settle = (): void => {
      for (const one of waiting.splice(0)) {
        last?.(one);
        last = finish;
      }
    };
    const reader: Reader = {
      get waits() {
        return waiting.length > 0;
      },
      next: (value) => waiting.shift()?.resolve({ done: false, value }),
      end: (error) => {
        last ??= error === undefined ? finish : ({ reject }) => reject(error);
        settle();
      },
    };
    this.#open(reader);
    return {
      next: () =>
        new Promise((resolve, reject) => {
          waiting.push({ resolve, reject });
          if (last === undefined) this.#serve();
          else settle();
        }),
      return: () => {
        this.#close(reader);
        last = finish;
        settle();
        return Promise.resolve(DONE);
      },
    };
  }

  opened(stream: Readable): Readable {
    this.#stream ??= stream;
    return stream;
  }

  #observe(subscriber: Subscriber<Uint8Array>): () => void {
    const reader: Reader = {
      get waits() {
        return !subscriber.closed;
      },
      next: (chunk) => subscriber.next(chunk),
      end: (error) => (error === undefined ? subscriber.complete() : subscriber.error(error)),
    };
    this.#open(reader);
    return () => this.#close(reader);
  }

  #open(reader: Reader): void {
    const error = this.#opened ? new Error(SECOND) : this.#failure;
    this.#opened = true;
    if (error !== undefined) {
      reader.end(error);
      return;
    }
    this.#reader = reader;
    this.#serve();
  }

  #close(reader: Reader): void {
    if (this.#reader === reader) this.#stop();
  }

  #serve(): void {
    while (this.#reader?.waits === true) {
      const piece = this.#piece;
      this.#piece = undefined;
      if (piece !== undefined) {
        this.#reader.next(piece);
        continue;
      }
      this.#release();
      if (this.#ended) this.#reader.end();
      return;
    }
  }

  #isTaken(): boolean {
    return this.#unwanted || (this.#piece === undefined && this.#reader?.waits === true);
  }

  #stop(): void {
    this.#unwanted = true;
    this.#reader = undefined;
    this.#piece = undefined;
    this.#release();
  }

  #release(): void {
    this.#taken?.();
    this.#taken = undefined;
  }
}

/** The channel as its reader sees it. */
class ChannelBody extends ChunkReader implements StreamedBody {
  readonly #channel: BodyChannel;

  constructor(channel: BodyChannel, failed?: (reason: unknown) => void) {
    super(failed);
    this.#channel = channel;
  }

  get size(): number {
    return this.#channel.size;
  }

  get complete(): boolean {
    return this.#channel.complete;
  }

  override readable(): Readable {
    return this.#channel.opened(super.readable());
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#channel.iterate();
  }

  protected observable(): Observable<Uint8Array> {
    return this.#channel.observable;
  }
}
