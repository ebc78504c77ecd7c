import {
  defer,
  map,
  take,
  throwError,
  throwIfEmpty,
  timeout,
  type Observable,
  type Subscriber,
  type Subscription,
} from 'rxjs';

import { abortController } from '../common/abort.js';
import { warn } from '../common/write-error.js';
import { subscribeCalmly } from '../rx/calmly.js';
import type { LookUp, ResolvedCoalesce } from './coalesce-options.js';
import { LookUpError } from './look-up-error.js';

/** An answer, and for how long it is to be kept. */
export interface Answered<T> {
  readonly is: T;
  readonly ttl: number;
}

/** One look-up that is under way, and those who wait for it. */
export class Flight<T> {
  readonly #waiting = new Set<Subscriber<T>>();
  readonly #controller = abortController(warn);
  readonly #landed: (answer: Answered<T> | undefined) => void;
  #subscription: Subscription | undefined;
  #over = false;

  /** @param landed called once, when it is over: with the answer where there is one */
  constructor(landed: (answer: Answered<T> | undefined) => void) {
    this.#landed = landed;
  }

  /** Waits for the answer; who has waited and leaves last takes the look-up along. */
  join(subscriber: Subscriber<T>): void {
    this.#waiting.add(subscriber);
    subscriber.add(() => {
      this.#waiting.delete(subscriber);
      if (this.#waiting.size === 0) this.#cancel();
    });
  }

  start<I>(lookUp: LookUp<I, T>, input: I, key: string | number, options: ResolvedCoalesce<I, T>): void {
    const subscription = subscribeCalmly(
      this.#ask(lookUp, input, key, options),
      {
        next: (answer) => {
          this.#end(answer, (subscriber) => {
            subscriber.next(answer.is);
            subscriber.complete();
          });
        },
        error: (error) => {
          this.#end(undefined, (subscriber) => subscriber.error(error));
        },
      },
      // Of many who wait, none is the one to be told.
      warn,
    );
    if (this.#over) subscription.unsubscribe();
    else this.#subscription = subscription;
  }

  #ask<I>(
    lookUp: LookUp<I, T>,
    input: I,
    key: string | number,
    { timeout: limit, scheduler, ttlOf }: ResolvedCoalesce<I, T>,
  ): Observable<Answered<T>> {
    const name = typeof key === 'string' ? JSON.stringify(key) : String(key);
    const late = (): LookUpError =>
      new LookUpError('timeout', key, `The look-up of ${name} took longer than ${limit} ms.`);
    return defer(() => lookUp(input, this.#controller.signal)).pipe(
      take(1),
      map((answer) => ({ is: answer, ttl: ttlOf(answer) })),
      throwIfEmpty(() => new LookUpError('empty', key, `The look-up of ${name} ended without an answer.`)),
      timeout({
        first: limit,
        scheduler,
        with: () => {
          this.#controller.abort();
          return throwError(late);
        },
      }),
    );
  }

  #end(answer: Answered<T> | undefined, tell: (subscriber: Subscriber<T>) => void): void {
    if (this.#over) return;
    this.#over = true;
    // Before anybody is told: who asks again at once is not to be given what is over.
    this.#landed(answer);
    for (const subscriber of [...this.#waiting]) {
      try {
        tell(subscriber);
      } catch (error) {
        // A teardown of one who waited; the others have to hear of it all the same.
        warn(error);
      }
    }
  }

  #cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#landed(undefined);
    this.#controller.abort();
    this.#subscription?.unsubscribe();
  }
}
