import { Observable, type ObservableInput, from, merge, mergeMap } from 'rxjs';

/**
 * Maps values to promises, so many at a time, and emits the results as they come.
 *
 * Unlike `mergeMap` it takes no more from an iterable than it has room for, and ends the iterable when it is done.
 *
 * @param map gets a signal that is aborted when its result is not wanted any more
 */
export function mapConcurrently<T, R>(
  values: ObservableInput<T>,
  concurrency: number,
  map: (value: T, signal: AbortSignal) => Promise<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const { signal } = stop;
    const iterator = iteratorOf(values);
    const take = async (value: T): Promise<void> => subscriber.next(await map(value, signal));
    const work = async (): Promise<void> => {
      while (iterator !== undefined && !signal.aborted) {
        const drawn = await iterator.next();
        // The iterable may have ended, or the subscription, while this waited.
        if (drawn.done === true || stop.signal.aborted) return;
        await take(drawn.value);
      }
    };
    const all =
      iterator === undefined
        ? from(values).pipe(mergeMap(take, concurrency))
        : merge(...Array.from({ length: concurrency }, work));
    const subscription = all.subscribe({
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    return () => {
      stop.abort();
      subscription.unsubscribe();
      // A generator that is busy ends as soon as it can; an error of its end comes too late to be reported.
      Promise.resolve(iterator?.return?.()).catch(() => undefined);
    };
  });
}

function iteratorOf<T>(values: ObservableInput<T>): AsyncIterator<T> | Iterator<T> | undefined {
  if (Symbol.asyncIterator in values) return values[Symbol.asyncIterator]();
  // An RxJS Observable has neither; a string would be an iterable, but not of mails.
  return Symbol.iterator in values ? values[Symbol.iterator]() : undefined;
}
