import { Observable, type Observer, type OperatorFunction, type Subscriber, type Subscription } from 'rxjs';

import { onRejection } from '../common/promises.js';
import { subscribeCalmly } from './calmly.js';

/** Where the failures of observers are reported. */
export interface Guard<Value> {
  /** What is being delivered. */
  readonly current?: Value | undefined;
  /** An observer failed, and gets nothing any more. `at` is what was being delivered. */
  failed(error: unknown, at: Value | undefined): void;
}

type Call = ((value: never) => unknown) | null | undefined;

/** An observer, whose functions may return promises. */
interface Given<T> {
  next?: ((value: T) => unknown) | null | undefined;
  error?: ((error: unknown) => unknown) | null | undefined;
  complete?: (() => unknown) | null | undefined;
}

/**
 * The same Observable, except that no observer of it, or of what `pipe()` makes of it, can harm the process.
 *
 * What an observer throws, and an error that no observer takes, RxJS throws in a timer of its own. Here it is
 * reported to the guard, and the observer unsubscribed. What `isOwn` knows is left as it is.
 */
export function guardObservable<T, Value>(
  source: Observable<T>,
  guard: Guard<Value>,
  isOwn: (piped: Observable<unknown>) => boolean = () => false,
): Observable<T> {
  const guarded = new Observable<T>();
  return Object.assign(guarded, {
    subscribe(observerOrNext?: Partial<Observer<T>> | Call, error?: Call, complete?: Call): Subscription {
      // An operator's subscriber passes errors on, to one that is watched.
      if (isSubscriber<T>(observerOrNext)) return source.subscribe(observerOrNext);
      const given =
        typeof observerOrNext === 'object' && observerOrNext !== null ? observerOrNext : undefined;
      return watch(source, given ?? ({ next: observerOrNext, error, complete } as Given<T>), guard);
    },
    pipe(...operators: OperatorFunction<unknown, unknown>[]): Observable<unknown> {
      if (operators.length === 0) return guarded;
      let piped: Observable<unknown> = guarded;
      for (const operator of operators) piped = operator(piped);
      // A result that is not an Observable is refused by the function that it is given to, with its name.
      const subscribes = typeof (piped as { subscribe?: unknown } | undefined)?.subscribe === 'function';
      return isOwn(piped) || !subscribes ? piped : guardObservable(piped, guard);
    },
  });
}

function watch<T, Value>(source: Observable<T>, observer: Given<T>, guard: Guard<Value>): Subscription {
  const state: { over: boolean; subscription?: Subscription } = { over: false };
  const failed = (reason: unknown, at: Value | undefined): void => {
    if (state.over) return;
    state.over = true;
    guard.failed(reason, at);
    state.subscription?.unsubscribe();
  };
  const run = (call: () => unknown): void => {
    if (state.over) return;
    const at = guard.current;
    try {
      const result = call();
      // An async function is a function that returns nothing, too.
      onRejection(result, (reason) => failed(reason, at));
    } catch (reason) {
      failed(reason, at);
    }
  };
  state.subscription = subscribeCalmly<T>(
    source,
    {
      next: (value) => run(() => observer.next?.(value)),
      error: (reason) =>
        run(() => {
          if (typeof observer.error !== 'function') throw reason;
          return observer.error(reason);
        }),
      complete: () => run(() => observer.complete?.()),
    },
    (teardown) => guard.failed(teardown, guard.current),
  );
  // It may have failed before there was anything to unsubscribe.
  if (state.over) state.subscription.unsubscribe();
  return state.subscription;
}

/** Whether it is an operator's own, which passes errors on: one of this copy of RxJS, or of another. */
function isSubscriber<T>(value: unknown): value is Subscriber<T> {
  if (typeof value !== 'object' || value === null || !('closed' in value)) return false;
  return ['next', 'add', 'remove', 'unsubscribe'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'function',
  );
}
