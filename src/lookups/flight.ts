import {
  defer,
  map,
  take,
  throwError,
  throwIfEmpty,
  timeout,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
  type Subscriber,
  type Subscription,
} from 'rxjs';

import { abortController } from '../common/abort.js';
import { warn } from '../common/write-error.js';
import { subscribeCalmly } from '../rx/calmly.js';

/** A look-up gave no answer: it took too long, or ended without one. */
export class LookUpError extends Error {
  override readonly name = 'LookUpError';
  readonly reason: 'timeout' | 'empty';
  /** The key of the look-up. */
  readonly key: string | number;

  constructor(reason: 'timeout' | 'empty', key: string | number, message: string) {
    super(message);
    this.reason = reason;
    this.key = key;
  }
}

/** An answer, and for how long to keep it, in milliseconds. */
export interface Answered<T> {
  readonly value: T;
  readonly ttl: number;
}

/** A look-up to be made. */
export interface FlightOptions<T> {
  readonly lookUp: (signal: AbortSignal) => ObservableInput<T>;
  /** For messages. */
  readonly key: string | number;
  readonly ttlOf: (answer: T) => number;
  /** In milliseconds. */
  readonly timeout: number;
  readonly scheduler: SchedulerLike;
  /** Called once, when it is over: with the answer where there is one. */
  readonly landed: (answer: Answered<T> | undefined) => void;
}

/** One look-up in flight, and the subscribers that wait for it. */
export class Flight<T> {
  readonly #options: FlightOptions<T>;
  readonly #waiting = new Set<Subscriber<T>>();
  readonly #controller = abortController(warn);
  #subscription: Subscription | undefined;
  #over = false;

  constructor(options: FlightOptions<T>) {
    this.#options = options;
  }

  /** Waits for the answer; when the last one that waits leaves, the look-up is cancelled. */
  join(subscriber: Subscriber<T>): void {
    this.#waiting.add(subscriber);
    subscriber.add(() => {
      this.#waiting.delete(subscriber);
      if (this.#waiting.size === 0) this.#cancel();
    });
  }

  start(): void {
    const subscription = subscribeCalmly(
      this.#answer(),
      {
        next: (answer) => {
          this.#end(answer, (subscriber) => {
            subscriber.next(answer.value);
            subscriber.complete();
          });
        },
        error: (error) => this.#end(undefined, (subscriber) => subscriber.error(error)),
      },
      // An error in a teardown belongs to none of the many that wait.
      warn,
    );
    if (this.#over) subscription.unsubscribe();
    else this.#subscription = subscription;
  }

  #answer(): Observable<Answered<T>> {
    const { lookUp, key, ttlOf, timeout: limit, scheduler } = this.#options;
    const name = typeof key === 'string' ? JSON.stringify(key) : String(key);
    return defer(() => lookUp(this.#controller.signal)).pipe(
      take(1),
      map((value) => ({ value, ttl: ttlOf(value) })),
      throwIfEmpty(() => new LookUpError('empty', key, `The look-up of ${name} ended without an answer.`)),
      timeout({
        first: limit,
        scheduler,
        with: () => {
          this.#controller.abort();
          const message = `The look-up of ${name} took longer than ${limit} ms.`;
          return throwError(() => new LookUpError('timeout', key, message));
        },
      }),
    );
  }

  #end(answer: Answered<T> | undefined, notify: (subscriber: Subscriber<T>) => void): void {
    if (this.#over) return;
    this.#over = true;
    // First: a subscriber that asks again at once must not join what is over.
    this.#options.landed(answer);
    for (const subscriber of [...this.#waiting]) {
      try {
        notify(subscriber);
      } catch (error) {
        // A teardown of one subscriber; the others still have to get the answer.
        warn(error);
      }
    }
  }

  #cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.landed(undefined);
    this.#controller.abort();
    this.#subscription?.unsubscribe();
  }
}
