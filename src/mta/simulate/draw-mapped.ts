import { Observable, from, type ObservableInput, type Subscription } from 'rxjs';

/** What values are drawn from, one at a time. */
type Source<T> = AsyncIterator<T> | Iterator<T>;

/**
 * Maps values by promises, so many at a time, and emits the results as they come.
 *
 * Unlike `mergeMap` it takes no more from an iterable than it has room for, and tells the iterable when it is done.
 *
 * @param map gets a signal that is aborted when nobody waits for its result any more
 */
export function drawMapped<T, R>(
  values: ObservableInput<T>,
  concurrency: number,
  map: (value: T, signal: AbortSignal) => Promise<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const over = (): boolean => stop.signal.aborted;
    const { source, close } = open(values);
    const work = async (): Promise<void> => {
      while (!over()) {
        const drawn = await source.next();
        if (drawn.done === true || over()) return;
        subscriber.next(await map(drawn.value, stop.signal));
      }
    };
    Promise.all(Array.from({ length: concurrency }, work)).then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => {
      stop.abort();
      close();
    };
  });
}

function open<T>(values: ObservableInput<T>): { source: Source<T>; close: () => void } {
  const iterator = iteratorOf(values);
  if (iterator === undefined) return queued(values);
  // One that is busy takes note of it, and ends as soon as it can; what it says then is nobody's concern.
  const close = (): void => void Promise.resolve(iterator.return?.()).catch(() => undefined);
  return { source: iterator, close };
}

function iteratorOf<T>(values: ObservableInput<T>): Source<T> | undefined {
  if (Symbol.asyncIterator in values) return values[Symbol.asyncIterator]();
  // An RxJS Observable is none of the two; a string would be an iterable, and is none of mails.
  return Symbol.iterator in values ? values[Symbol.iterator]() : undefined;
}

/** Somebody who waits for a value. */
interface Drawer<T> {
  readonly resolve: (drawn: IteratorResult<T>) => void;
  readonly reject: (error: unknown) => void;
}

/** What is pushed, kept until it is drawn. */
function queued<T>(values: ObservableInput<T>): { source: Source<T>; close: () => void } {
  const waiting: T[] = [];
  const drawers: Drawer<T>[] = [];
  /** What those get who draw when it is over. */
  let ended: ((drawer: Drawer<T>) => void) | undefined;
  const end = (how: (drawer: Drawer<T>) => void): void => {
    ended = how;
    drawers.splice(0).forEach(how);
  };
  const subscription: Subscription = from(values).subscribe({
    next: (value) => {
      const drawer = drawers.shift();
      if (drawer === undefined) waiting.push(value);
      else drawer.resolve({ done: false, value });
    },
    error: (error: unknown) => end(({ reject }) => reject(error)),
    complete: () => end(({ resolve }) => resolve({ done: true, value: undefined })),
  });
  const draw = (drawer: Drawer<T>): void => {
    const [value] = waiting.splice(0, 1);
    if (value !== undefined) drawer.resolve({ done: false, value });
    else if (ended === undefined) drawers.push(drawer);
    else ended(drawer);
  };
  return {
    source: { next: () => new Promise((resolve, reject) => draw({ resolve, reject })) },
    close: () => subscription.unsubscribe(),
  };
}
