import type { Observable, Subscription } from 'rxjs';

import { ignoreRejection } from '../../common/promises.js';
import { warn } from '../../common/write-error.js';
import { subscribeCalmly } from '../../rx/calmly.js';
import { ProjectError } from '../../session/errors.js';

/** Called once there is a value, or there will never be one: then `error` says why. */
type Waiter = (error: unknown) => void;

/** The newest value of a stream, for as long as the filter runs. */
export class Latest<T> {
  readonly #subscription: Subscription;
  #waiting: Waiter[] = [];
  #value: { readonly is: T } | undefined;
  #error: unknown;
  #late: { readonly error: unknown } | undefined;
  #ended = false;

  constructor(source: Observable<T>) {
    this.#subscription = subscribeCalmly(
      source,
      {
        next: (value) => {
          this.#value = { is: value };
          this.#wake();
        },
        error: (error) => {
          this.#end(error, { error });
        },
        complete: () => {
          this.#end(new Error('the stream of the latest value completed without one'));
        },
      },
      (error) => {
        warn(new ProjectError('close', error));
      },
    );
  }

  /** The newest value, boxed; `undefined` before the first. */
  get value(): { readonly is: T } | undefined {
    return this.#value;
  }

  wait(waiter: Waiter): void {
    if (this.#ended || this.#value !== undefined) waiter(this.#error);
    else this.#waiting.push(waiter);
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#waiting = [];
  }

  /** What the stream failed with after it had a value; told once, since the last value still serves. */
  takeLateError(): { readonly error: unknown } | undefined {
    const late = this.#late;
    this.#late = undefined;
    return late;
  }

  /** A stream that ends keeps its last value; only a stream without one fails an event. */
  #end(error: unknown, late?: { readonly error: unknown }): void {
    this.#ended = true;
    // It is told only when there is an event.
    ignoreRejection(error);
    if (this.#value === undefined) this.#error = error;
    else this.#late = late;
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiting.splice(0)) waiter(this.#error);
  }
}
