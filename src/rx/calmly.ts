import { Subscription, UnsubscriptionError, type Observable, type Observer } from 'rxjs';

import { ignoreRejection } from '../common/promises.js';
import { isA } from '../common/text-of.js';

/** Functions for the notifications of an Observable. */
export interface Handlers<T> {
  next?(value: T): void;
  error(reason: unknown): void;
  complete?(): void;
}

/**
 * Subscribes to an Observable from outside. The error of a teardown or of a handler goes to `failed`, which must not
 * throw: RxJS would throw it in a timer, or to the code that ended the Observable, and it would end the process.
 */
export function subscribeCalmly<T>(
  source: Observable<T>,
  handlers: Handlers<T>,
  failed: (reason: unknown) => void,
): Subscription {
  const subscriber = new CalmSubscriber(handlers, failed);
  try {
    source.subscribe(subscriber);
  } catch (reason) {
    // A Subject that is closed throws, and so does a teardown that is there only when all is over.
    if (subscriber.closed) failed(reason);
    else subscriber.error(reason);
  }
  return subscriber;
}

/** To RxJS a subscriber: an observer that is a subscription, to which operators add their own. */
class CalmSubscriber<T> extends Subscription implements Observer<T> {
  readonly #handlers: Handlers<T>;
  readonly #failed: (reason: unknown) => void;
  #stopped = false;

  constructor(handlers: Handlers<T>, failed: (reason: unknown) => void) {
    super();
    this.#handlers = handlers;
    this.#failed = failed;
  }

  next(value: T): void {
    if (this.#stopped) return;
    try {
      this.#handlers.next?.(value);
    } catch (reason) {
      this.#failed(reason);
    }
  }

  error(reason: unknown): void {
    this.#finish(() => this.#handlers.error(reason));
  }

  complete(): void {
    this.#finish(() => this.#handlers.complete?.());
  }

  override unsubscribe(): void {
    this.#stopped = true;
    try {
      super.unsubscribe();
    } catch (reason) {
      // Only their text is in the message.
      if (isA(reason, UnsubscriptionError)) reason.errors.forEach(ignoreRejection);
      this.#failed(reason);
    }
  }

  #finish(handle: () => void): void {
    if (this.#stopped) return;
    this.#stopped = true;
    try {
      handle();
    } catch (reason) {
      this.#failed(reason);
    }
    this.unsubscribe();
  }
}
