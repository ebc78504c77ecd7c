import { Readable } from 'node:stream';
import type { Observable } from 'rxjs';

import { errorFrom } from '../../common/text-of.js';
import { warn } from '../../common/write-error.js';
import { guardObservable } from '../../rx/guard-observable.js';
import type { BodyChunks } from '../message.js';

/** A body, with all the ways to read it. */
export abstract class ChunkReader implements BodyChunks {
  readonly #failed: (reason: unknown) => void;

  /** @param failed gets the error of an observer or a listener that throws, and an error that they do not take */
  constructor(failed: (reason: unknown) => void = warn) {
    this.#failed = failed;
  }

  get chunks(): Observable<Uint8Array> {
    return guardObservable(this.observable(), { failed: this.#failed });
  }

  readable(): Readable {
    return readableFrom(this, this.#failed);
  }

  abstract [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined>;

  /** The pieces, without waiting where they are there: it has to work in virtual time. */
  protected abstract observable(): Observable<Uint8Array>;
}

/**
 * Bytes as a Node stream, with room for 64 KiB, that cannot end the process: an error without a listener is not thrown, and
 * that of a listener, which Node calls where no caller can catch it, goes to `failed` and ends the stream.
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
