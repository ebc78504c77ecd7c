import { Observable, type Observer, type Operator, type Subscriber, type Subscription } from 'rxjs';

/** Who is told of observers that fail. */
export interface Guard<Value> {
  /** What is being delivered. */
  readonly current: Value | undefined;
  /** An observer failed, and gets nothing any more. `at` is what was being delivered. */
  failed(error: unknown, at: Value | undefined): void;
}

type Next<T> = (value: T) => unknown;

/**
 * An Observable whose observers cannot harm the process, nor can those of what operators make of it.
 *
 * RxJS throws what an observer throws, and an error that no observer takes, in a timer of its own, where nobody can
 * catch it: the process ends. Here the guard is told, and the observer unsubscribed. That holds for `pipe()`; what other
 * Observables do with values that they got from here (`merge(a, b)`, the groups of `groupBy`) is theirs.
 */
export class GuardedObservable<T, Value> extends Observable<T> {
  readonly #guard: Guard<Value>;

  constructor(guard: Guard<Value>, subscribe?: (subscriber: Subscriber<T>) => void) {
    super(subscribe);
    this.#guard = guard;
  }

  /** Operators call it to make their Observable of this one. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new GuardedObservable<R, Value>(this.#guard);
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }

  /** An observer's function that returns a promise fails with it, too. */
  override subscribe(
    observerOrNext?: Partial<Observer<T>> | Next<T> | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (isSubscriber(observerOrNext)) return super.subscribe(observerOrNext);
    const observer: Partial<Observer<T>> =
      typeof observerOrNext === 'function'
        ? given({ next: observerOrNext, error, complete })
        : (observerOrNext ?? given({ error, complete }));
    let over = false;
    let subscription: Subscription | undefined;
    const letGo = (at: Value | undefined): void => {
      try {
        subscription?.unsubscribe();
      } catch (teardown) {
        this.#guard.failed(teardown, at);
      }
    };
    const failed = (reason: unknown, at: Value | undefined): void => {
      if (over) return;
      over = true;
      this.#guard.failed(reason, at);
      letGo(at);
    };
    const run = (call: () => unknown): void => {
      if (over) return;
      const at = this.#guard.current;
      try {
        const result = call();
        if (result instanceof Promise) result.catch((reason: unknown) => failed(reason, at));
      } catch (reason) {
        failed(reason, at);
      }
    };
    subscription = super.subscribe({
      next: (value) => {
        run(() => observer.next?.(value));
      },
      error: (reason: unknown) => {
        run(() => {
          if (observer.error === undefined) throw reason;
          return observer.error(reason) as unknown;
        });
      },
      complete: () => {
        run(() => observer.complete?.());
      },
    });
    // It may have failed before there was anything to unsubscribe.
    if (over) letGo(this.#guard.current);
    return subscription;
  }
}

/** What is not `null`; RxJS still allows functions instead of an observer. */
function given<T>(observer: {
  next?: Next<T>;
  error?: ((error: unknown) => void) | null | undefined;
  complete?: (() => void) | null | undefined;
}): Partial<Observer<T>> {
  return Object.fromEntries(Object.entries(observer).filter(([, method]) => typeof method === 'function'));
}

/** Whether it is an operator's own, which passes errors on: one of this copy of RxJS, or of another. */
function isSubscriber<T>(value: unknown): value is Subscriber<T> {
  if (typeof value !== 'object' || value === null || !('closed' in value)) return false;
  return ['next', 'add', 'remove', 'unsubscribe'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'function',
  );
}
