import type { Observable, Subscription } from 'rxjs';

import { ignoreRejection } from '../../common/promises.js';
import { warn } from '../../common/write-error.js';
import { subscribeCalmly } from '../../rx/calmly.js';
import { ProjectError } from '../../session/errors.js';

/** Called once there is a value, or there will never be one: then `error` says why. */
type Waiter = (error: unknown) => void;

/** The newest value of a stream, for as long as the filter runs. A stream that ends keeps its last value. */
export class Latest<T> {
  /** Boxed; `undefined` before the first. */
  value: { readonly is: T } | undefined;
  readonly #subscription: Subscription;
  #waiting: Waiter[] = [];
  /** Why no more values come. */
  #end: { readonly error: unknown } | undefined;
  #late: { readonly error: unknown } | undefined;

  constructor(source: Observable<T>) {
    this.#subscription = subscribeCalmly(
      source,
      {
        next: (value) => {
          this.value = { is: value };
          this.#wake();
        },
        error: (error) => {
          // It is reported only when there is an event.
          ignoreRejection(error);
          this.#end = { error };
          if (this.value !== undefined) this.#late = { error };
          this.#wake();
        },
        complete: () => {
          this.#end = { error: new Error('the stream of the latest value completed without one') };
          this.#wake();
        },
      },
      (error) => {
        warn(new ProjectError('close', error));
      },
    );
  }

  wait(waiter: Waiter): void {
    this.#waiting.push(waiter);
    if (this.#end !== undefined || this.value !== undefined) this.#wake();
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#waiting = [];
  }

  /** What the stream failed with after it had a value; once, since the last value still serves. */
  takeLateError(): { readonly error: unknown } | undefined {
    const late = this.#late;
    this.#late = undefined;
    return late;
  }

  #wake(): void {
    for (const waiter of this.#waiting.splice(0)) waiter(this.#end?.error);
  }
}
