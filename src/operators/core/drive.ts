import { from, type Observable, type Subscription, takeWhile } from 'rxjs';

import { ignoreRejection, isPromise } from '../../common/promises.js';
import { subscribeCalmly } from '../../rx/calmly.js';
import { Breath, Burst } from '../../session/breath.js';
import { AnswerError } from '../../session/errors.js';

/**
 * Takes what comes out of a value, a promise, an Observable, an (async) iterable or a generator, one answer at a time,
 * until one decides or there are no more. Cancelled, it unsubscribes and finishes the generator.
 */
export abstract class Drive {
  #active = true;
  #subscription: Subscription | undefined;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  readonly #burst = new Burst();

  /** Takes one answer, or an array of them; whether it decides. */
  protected abstract take(answer: unknown): boolean;
  /** There are no more answers, or none is wanted after the last one. Called once, unless it failed or was cancelled. */
  protected abstract done(): void;
  protected abstract failed(error: unknown): void;
  /** Releases what is in an answer that came too late. May throw. */
  protected abstract ignore(answer: unknown): void;
  /** A teardown has thrown. */
  protected abstract report(error: unknown): void;
  /** Whose answers they are, as a message names it: `The answers of the project`. */
  protected abstract readonly whose: string;

  get active(): boolean {
    return this.#active;
  }

  /** Takes what is there, and what comes out of it later. */
  drive(result: unknown): void {
    if (!this.#active) {
      this.#ignore(result);
      return;
    }
    try {
      this.#start(result);
    } catch (error) {
      this.fail(error);
    }
  }

  /** What gives the answers, or something that they wait for, failed. */
  fail(error: unknown): void {
    if (!this.#active) return;
    this.#active = false;
    this.failed(error);
  }

  /** The answers are not wanted any more. */
  cancel(): void {
    if (!this.#active) return;
    this.#active = false;
    this.cancelled();
    this.#subscription?.unsubscribe();
    this.#finishIterator();
  }

  /** Cancels what else runs for the answers, before what gives them is. */
  protected abstract cancelled(): void;

  #start(result: unknown): void {
    if (isObservable(result)) {
      this.#subscription = subscribeCalmly(
        from(result).pipe(takeWhile((answer) => this.#active && !this.#takeLater(answer))),
        { error: (error) => this.fail(error), complete: () => this.#succeed() },
        (error) => this.report(error),
      );
      // Subscribing may itself have cancelled it.
      if (!this.#active) this.#subscription.unsubscribe();
    } else if (isPromise(result)) {
      result.then(
        (value) => this.drive(value),
        (error: unknown) => this.fail(error),
      );
    } else if (isAsyncIterable(result)) {
      const iterator = result[Symbol.asyncIterator]();
      this.#iterator = iterator;
      this.#pull(iterator, new Breath());
    } else if (isRow(result)) {
      const iterator = result[Symbol.iterator]();
      this.#iterator = iterator;
      this.#walk(iterator, new Breath());
    } else {
      this.take(result);
      this.#succeed();
    }
  }

  /** Takes one answer, or several that are there at once, out of an Observable or a generator that waits. */
  #takeLater(answer: unknown): boolean {
    this.#burst.step(this.#endless);
    if (!isRow(answer)) return this.take(answer);
    const iterator = answer[Symbol.iterator]();
    let step = iterator.next();
    try {
      while (step.done !== true) {
        this.#burst.step(this.#endless);
        if (this.take(step.value)) return true;
        step = iterator.next();
      }
    } finally {
      if (step.done !== true) iterator.return?.();
    }
    return this.take(step.value);
  }

  /**
   * Goes through answers that are there at once. Not `for … of`, which drops what a generator returns: `return reject()`
   * in one is meant as an answer.
   */
  #walk(iterator: Iterator<unknown>, breath: Breath): void {
    try {
      let step: IteratorResult<unknown, unknown>;
      let decided: boolean;
      do {
        if (breath.due) {
          breath.later(() => {
            if (this.#active) this.#walk(iterator, breath);
          });
          return;
        }
        step = iterator.next();
        if (!this.#active) return;
        decided = this.take(step.value);
      } while (step.done !== true && !decided);
      if (step.done !== true) this.#finishIterator();
    } catch (error) {
      this.#finishIterator();
      this.fail(error);
      return;
    }
    this.#succeed();
  }

  /** Drives the iterator by itself: RxJS would finish an abandoned generator only at its next `yield`. */
  #pull(iterator: AsyncIterator<unknown>, breath: Breath): void {
    iterator.next().then(
      (step) => {
        try {
          if (!this.#active) {
            this.#ignore(step.value);
          } else if (this.#takeLater(step.value) || step.done === true) {
            if (step.done !== true) this.#finishIterator();
            this.#succeed();
          } else if (breath.due) {
            breath.later(() => {
              if (this.#active) this.#pull(iterator, breath);
            });
          } else {
            this.#pull(iterator, breath);
          }
        } catch (error) {
          // It may be no step at all.
          if (!this.#active) return;
          this.#finishIterator();
          this.fail(error);
        }
      },
      (error: unknown) => this.fail(error),
    );
  }

  #finishIterator(): void {
    try {
      ignoreRejection(this.#iterator?.return?.());
    } catch (error) {
      // Its answer to that makes no difference.
      ignoreRejection(error);
    }
  }

  /** An answer came too late: its failure must not end the process, and a stream in it has to be released. */
  #ignore(result: unknown): void {
    if (isPromise(result)) {
      result.then(
        (value) => this.#ignore(value),
        () => undefined,
      );
      return;
    }
    try {
      if (!isRow(result)) this.ignore(result);
    } catch {
      // Whether it would have been legal makes no difference any more.
    }
  }

  #succeed(): void {
    if (!this.#active) return;
    this.#active = false;
    this.done();
  }

  readonly #endless = (): Error =>
    new AnswerError(
      `${this.whose} have come for two seconds without a pause and without a decision, and would not end. ` +
        'Where there are many, a wait in between gives other connections their turn.',
    );
}

/** Whether answers come later, or may be more than can be taken at once. */
export function isLater(result: object): boolean {
  return isPromise(result) || isObservable(result) || isAsyncIterable(result) || isRow(result);
}

/** Whether it is an iterable whose length is not known. */
function isRow(result: unknown): result is Iterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.iterator in result && !Array.isArray(result);
}

function isObservable(result: unknown): result is Observable<unknown> {
  return typeof result === 'object' && result !== null && 'subscribe' in result;
}

function isAsyncIterable(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}
