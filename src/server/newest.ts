import { type Observable, type Subscription, from, isObservable } from 'rxjs';

import { errorFrom } from '../common/text-of.js';
import { subscribeCalmly } from '../rx/calmly.js';

/** What a value, or each of a stream, is put to. */
interface Use<T> {
  /** Throws where the value is of no use. */
  readonly take: (value: T) => void;
  /** Gets what went wrong while there is a value, which stays. */
  readonly failed: (error: unknown) => void;
  /** The error of a stream that ends without a value. */
  readonly none: string;
}

/** Takes a value, or the newest of a stream: where that fails or ends, the last one stays. */
export class Newest<T extends object> {
  /** Resolves when there is one; rejects where there will be none. */
  readonly ready: Promise<void>;
  #subscription: Subscription | undefined;

  /** Throws where a value that is no stream is of no use. */
  constructor(input: T | Observable<T>, { take, failed, none }: Use<T>) {
    if (!isObservable(input)) {
      take(input);
      this.ready = Promise.resolve();
      return;
    }
    let some = false;
    this.ready = new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        if (some) failed(error);
        else reject(errorFrom(error));
      };
      const next = (value: T): void => {
        try {
          take(value);
          some = true;
          resolve();
        } catch (error) {
          fail(error);
        }
      };
      const complete = (): void => {
        if (!some) reject(new TypeError(none));
      };
      this.#subscription = subscribeCalmly(from(input), { next, error: fail, complete }, fail);
    });
    // Without a first value no other is wanted.
    this.ready.catch(() => this.close());
  }

  close(): void {
    this.#subscription?.unsubscribe();
  }
}
