import type { Readable } from 'node:stream';
import { from, Observable, Subject, takeUntil, type ObservableInput } from 'rxjs';

import { warn } from '../common/write-error.js';
import { guardObservable } from '../rx/guard-observable.js';
import type { OpenChunks } from '../spool/chunk-flow.js';
import { ChunkIterator } from '../spool/chunk-iterator.js';
import { calmReadable } from './calm-readable.js';
import { ChunkReadable } from './chunk-readable.js';
import { flatFlow } from './flat-flow.js';
import type { BodyChunks } from './message-body.js';

/** All the ways to read a body, made of one. */
export class ChunkReader implements BodyChunks {
  readonly #open: OpenChunks;
  readonly #failed: (reason: unknown) => void;

  /** @param failed is told of an observer or a listener that throws, or takes no errors where there is one */
  constructor(open: OpenChunks, failed: (reason: unknown) => void = warn) {
    this.#open = open;
    this.#failed = failed;
  }

  get chunks(): Observable<Uint8Array> {
    const chunks = new Observable<Uint8Array>((subscriber) => {
      const flow = flatFlow(
        this.#open({
          next: (chunk) => {
            subscriber.next(chunk);
            flow.ask();
          },
          end: () => subscriber.complete(),
          fail: (error) => subscriber.error(error),
        }),
      );
      subscriber.add(() => flow.stop());
      flow.ask();
    });
    return guardObservable(chunks, { failed: this.#failed });
  }

  concatMap<T>(project: (chunk: Uint8Array) => ObservableInput<T>): Observable<T> {
    const results = new Observable<T>((subscriber) => {
      // An inner stream that emits while it is being subscribed to has no subscription yet that could be ended.
      const over = new Subject<void>();
      const flow = flatFlow(
        this.#open({
          next: (chunk) => {
            inner(project, chunk)
              .pipe(takeUntil(over))
              .subscribe({
                next: (value) => subscriber.next(value),
                error: (error: unknown) => subscriber.error(error),
                complete: () => {
                  flow.ask();
                },
              });
          },
          end: () => subscriber.complete(),
          fail: (error) => subscriber.error(error),
        }),
      );
      subscriber.add(() => {
        flow.stop();
        over.next();
      });
      flow.ask();
    });
    return guardObservable(results, { failed: this.#failed });
  }

  readable(): Readable {
    return calmReadable(new ChunkReadable(this.#open), this.#failed);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return new ChunkIterator(this.#open);
  }
}

/** What `project` makes of a piece; where it throws, that error. */
function inner<T>(project: (chunk: Uint8Array) => ObservableInput<T>, chunk: Uint8Array): Observable<T> {
  try {
    return from(project(chunk));
  } catch (error) {
    return new Observable((subscriber) => subscriber.error(error));
  }
}
