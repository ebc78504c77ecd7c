import { Observable, type Subscriber } from 'rxjs';

import { messageOf } from '../common/text-of.js';
import { guardObservable, type Guard } from '../rx/guard-observable.js';

/** Gets what a subscriber failed with, and at which value, if any. */
type Report<T> = (error: Error, at: T | undefined) => void;

/** The outcomes of a server, or of its messages. A subscriber that fails is reported and dropped; nothing else notices. */
export class OutcomeStream<T> implements Guard<T> {
  readonly observable: Observable<T>;
  readonly #what: string;
  readonly #report: Report<T>;
  readonly #subscribers = new Set<Subscriber<T>>();
  /** Those of the set, for as long as it stays the same. */
  #list: readonly Subscriber<T>[] | undefined;
  #complete = false;
  current: T | undefined = undefined;

  constructor(what: string, report: Report<T>) {
    this.#what = what;
    this.#report = report;
    this.observable = guardObservable<T, T>(
      new Observable<T>((subscriber) => {
        if (this.#complete) {
          subscriber.complete();
          return;
        }
        this.#subscribers.add(subscriber);
        this.#list = undefined;
        subscriber.add(() => this.#leave(subscriber));
      }),
      this,
    );
  }

  get observed(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Calls the subscribers of now; throws nothing. */
  next(outcome: T): void {
    // A subscriber may cause the next one.
    const before = this.current;
    this.current = outcome;
    this.#each((subscriber) => subscriber.next(outcome));
    this.current = before;
  }

  complete(): void {
    this.#complete = true;
    this.#each((subscriber) => subscriber.complete());
  }

  failed(error: unknown, at: T | undefined): void {
    const message = `A subscriber of the ${this.#what} failed, and gets no more of them: ${messageOf(error)}`;
    this.#report(new Error(message, { cause: error }), at);
  }

  #each(tell: (subscriber: Subscriber<T>) => void): void {
    this.#list ??= [...this.#subscribers];
    for (const subscriber of this.#list) {
      try {
        tell(subscriber);
      } catch (error) {
        // RxJS does not catch what a teardown throws.
        this.#leave(subscriber);
        this.failed(error, this.current);
      }
    }
  }

  #leave(subscriber: Subscriber<T>): void {
    this.#subscribers.delete(subscriber);
    this.#list = undefined;
  }
}
