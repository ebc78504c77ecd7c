import type { ChunkFlow, ChunkSink } from '../spool/chunk-flow.js';
import { ChunkReader } from './chunk-reader.js';
import type { StreamedBody } from './message-body.js';

const ANSWERED =
  'The message has its answer, and the rest of its body is not read any more: wait for the end of the body before the answer.';
const SECOND =
  "This body is being read already, or has been: it comes only once. With the option body: 'buffer' it can be read again.";

/** A body between the one that gets it from the MTA piece by piece, and its one reader. */
export class BodyChannel {
  readonly body: StreamedBody;
  #size = 0;
  #sink: ChunkSink | undefined;
  #opened = false;
  /** The reader wants a piece that is not there yet. */
  #asked = false;
  /** A piece that the reader has not asked for yet. */
  #waiting: Uint8Array | undefined;
  /** Whoever has pushed the last piece waits for this. */
  #taken: (() => void) | undefined;
  #ended = false;
  #complete = false;
  #failure: Error | undefined;
  #unwanted = false;

  /** @param failed see `ChunkReader` */
  constructor(failed?: (reason: unknown) => void) {
    const size = (): number => this.#size;
    const complete = (): boolean => this.#complete;
    this.body = new (class extends ChunkReader implements StreamedBody {
      get size(): number {
        return size();
      }
      get complete(): boolean {
        return complete();
      }
    })((sink) => this.#open(sink), failed);
  }

  /** Nobody wants more of it: the reader has stopped, it is aborted, or it was dropped. */
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
    this.#size += chunk.length;
    if (this.#unwanted || this.#ended || chunk.length === 0) return undefined;
    if (this.#asked) {
      this.#asked = false;
      this.#sink?.next(chunk);
      if (this.#isTaken()) return undefined;
    } else {
      this.#waiting = chunk;
    }
    return new Promise((resolve) => (this.#taken = resolve));
  }

  /** There is no more; `complete` where nothing was left out. */
  end(complete = true): void {
    if (this.#unwanted || this.#ended) return;
    this.#ended = true;
    this.#complete = complete;
    if (!this.#asked) return;
    this.#asked = false;
    this.#sink?.end();
  }

  /** The message is over: a reader who has not seen the end gets the error, at once; a later one, too. */
  fail(error: Error): void {
    if (this.#unwanted) return;
    this.#failure = error;
    const sink = this.#sink;
    this.#stop();
    sink?.fail(error);
  }

  /** Nobody is waited for any more. Who still reads gets an error, unless the end was there already. */
  drop(): void {
    if (!this.#ended) this.fail(new Error(ANSWERED));
    this.#release();
  }

  #open(sink: ChunkSink): ChunkFlow {
    if (this.#opened) return { ask: () => sink.fail(new Error(SECOND)), stop: () => undefined };
    this.#opened = true;
    // Told of a failure when it first asks.
    let begun = false;
    return {
      ask: () => {
        if (!begun) {
          begun = true;
          if (this.#failure === undefined) this.#sink = sink;
          else sink.fail(this.#failure);
        }
        if (this.#sink === sink) this.#ask(sink);
      },
      stop: () => {
        this.#stop();
      },
    };
  }

  #ask(sink: ChunkSink): void {
    const chunk = this.#waiting;
    this.#waiting = undefined;
    if (chunk !== undefined) {
      sink.next(chunk);
      return;
    }
    this.#release();
    if (this.#ended) sink.end();
    else this.#asked = true;
  }

  #isTaken(): boolean {
    return this.#asked || this.#unwanted;
  }

  #stop(): void {
    this.#unwanted = true;
    this.#asked = false;
    this.#sink = undefined;
    this.#waiting = undefined;
    this.#release();
  }

  #release(): void {
    this.#taken?.();
    this.#taken = undefined;
  }
}
