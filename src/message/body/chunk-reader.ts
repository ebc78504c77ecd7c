import { Readable } from 'node:stream';
import { Observable } from 'rxjs';

import { errorFrom } from '../../common/text-of.js';
import { warn } from '../../common/write-error.js';
import { guardObservable } from '../../rx/guard-observable.js';
import type { StreamedBody } from '../message.js';

/** A body as it is read here. */
export interface ChunkSource {
  readonly size: number;
  readonly complete: boolean;
  /** The pieces one by one. */
  iterate(): AsyncIterator<Uint8Array, undefined>;
  /** The pieces as an Observable, which waits for nothing where they are there: it has to work in virtual time. */
  readonly observable: Observable<Uint8Array>;
  /** Gets each stream that is made of it. */
  opened?(stream: Readable): unknown;
}

/** A body, with all the ways to read it. */
export class ChunkReader implements StreamedBody {
  readonly #source: ChunkSource;
  readonly #failed: (reason: unknown) => void;

  /** @param failed gets the error of an observer or a listener that throws, and an error that they do not take */
  constructor(source: ChunkSource, failed: (reason: unknown) => void = warn) {
    this.#source = source;
    this.#failed = failed;
  }

  get size(): number {
    return this.#source.size;
  }

  get complete(): boolean {
    return this.#source.complete;
  }

  get chunks(): Observable<Uint8Array> {
    return guardObservable(this.#source.observable, { failed: this.#failed });
  }

  readable(): Readable {
    const stream = readableFrom(this, this.#failed);
    this.#source.opened?.(stream);
    return stream;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#source.iterate();
  }
}

/**
 * Bytes as a Node stream, with room for 64 KiB, that cannot end the process: an error that no code listens to is not
 * thrown, and the error of a listener goes to `failed`, and ends the stream. Node calls listeners where no caller can catch
 * what they throw.
 */
export function readableFrom(chunks: AsyncIterable<Uint8Array>, failed: (reason: unknown) => void): Readable {
  // `captureRejections` is an option of all emitters, which the types of streams leave out.
  const options = { objectMode: false, highWaterMark: 65_536, captureRejections: true };
  const stream = Readable.from(chunks, options);
  const end = (reason: unknown): void => {
    failed(reason);
    stream.destroy(errorFrom(reason));
  };
  const emit = stream.emit.bind(stream) as (...given: unknown[]) => boolean;
  stream.emit = (...given: unknown[]): boolean => {
    try {
      return emit(...given);
    } catch (reason) {
      end(reason);
      return true;
    }
  };
  Object.defineProperty(stream, Symbol.for('nodejs.rejection'), { value: end });
  return stream.on('error', () => undefined);
}
