import { concatMap, defer, EMPTY, finalize, type Observable, type ObservableInput, of, repeat } from 'rxjs';

/**
 * The results of `project` for each piece, with the next piece asked for only when the inner stream has completed: what
 * `from(body).pipe(concatMap(project))` does not do, since RxJS reads an async iterable as fast as it can.
 */
export function inTurn<T>(
  body: AsyncIterable<Uint8Array>,
  project: (chunk: Uint8Array) => ObservableInput<T>,
): Observable<T> {
  return defer(() => {
    const pieces = body[Symbol.asyncIterator]();
    let more = true;
    return defer(() => pieces.next()).pipe(
      concatMap((result) => {
        more = result.done !== true;
        return result.done === true ? EMPTY : project(result.value);
      }),
      repeat({ delay: () => (more ? of(true) : EMPTY) }),
      finalize(() => void pieces.return?.()),
    );
  });
}
