import type { Observable, Subscription } from 'rxjs';

import { letGo } from './let-go.js';

/** Somebody who waits for the first value. */
export interface LatestWaiter {
  /** There is a value, or there will never be one: then `error` says why. */
  ready(error: unknown): void;
}

/** The newest value of a stream, for as long as the filter runs. */
export class Latest<T> {
  readonly #subscription: Subscription;
  #waiting: LatestWaiter[] | undefined;
  #value: { readonly is: T } | undefined;
  #error: unknown;
  #lateError: unknown;
  #ended = false;

  constructor(source: Observable<T>) {
    this.#subscription = source.subscribe({
      next: (value) => {
        this.#value = { is: value };
        this.#wake();
      },
      error: (error: unknown) => {
        this.#end(error, error);
      },
      complete: () => {
        this.#end(new Error('the stream of the latest value completed without one'));
      },
    });
  }

  /** The newest value, boxed; `undefined` before the first. */
  get value(): { readonly is: T } | undefined {
    return this.#value;
  }

  /** Calls the waiter once there is a value or can be none any more: at once where that is so. */
  wait(waiter: LatestWaiter): void {
    if (this.#ended || this.#value !== undefined) waiter.ready(this.#error);
    else (this.#waiting ??= []).push(waiter);
  }

  close(): void {
    letGo(() => this.#subscription.unsubscribe(), 'close');
    this.#waiting = undefined;
  }

  /** What the stream failed with after it had a value; told once, since the last value still serves. */
  takeLateError(): unknown {
    const error = this.#lateError;
    this.#lateError = undefined;
    return error;
  }

  /** A stream that ends keeps its last value; only where it had none is that somebody's failure. */
  #end(error: unknown, late?: unknown): void {
    this.#ended = true;
    if (this.#value === undefined) this.#error = error;
    else this.#lateError = late;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    for (const waiter of waiting) waiter.ready(this.#error);
  }
}
