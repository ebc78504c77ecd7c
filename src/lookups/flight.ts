import type { Observable, Subscriber, Subscription } from 'rxjs';

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

/** One look-up in flight, and the subscribers that wait for it. */
export class Flight<T> {
  readonly #lookUp: Observable<Answered<T>>;
  readonly #controller: AbortController;
  readonly #landed: (answer: Answered<T> | undefined) => void;
  readonly #waiting = new Set<Subscriber<T>>();
  #subscription: Subscription | undefined;
  #over = false;

  /**
   * @param controller aborted when the answer is not waited for any more
   * @param landed called once, when it is over: with the answer where there is one
   */
  constructor(
    lookUp: Observable<Answered<T>>,
    controller: AbortController,
    landed: (answer: Answered<T> | undefined) => void,
  ) {
    this.#lookUp = lookUp;
    this.#controller = controller;
    this.#landed = landed;
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
      this.#lookUp,
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

  #end(answer: Answered<T> | undefined, notify: (subscriber: Subscriber<T>) => void): void {
    if (this.#over) return;
    this.#over = true;
    // First: a subscriber that asks again at once must not join what is over.
    this.#landed(answer);
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
    this.#landed(undefined);
    this.#controller.abort();
    this.#subscription?.unsubscribe();
  }
}
