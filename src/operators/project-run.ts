import { from, takeWhile, type Observable, type Subscription } from 'rxjs';

import type { Flow, StageEvent } from '../session/flow.js';
import { isPromise } from '../session/is-promise.js';
import { turnOf } from '../session/turn.js';
import { Answers } from './answers.js';
import { failedEvent } from './failed-event.js';
import { letGo } from './let-go.js';
import type { LazyContext } from './project-context.js';

/** Where the result of a run goes: one of the two is called, once. */
export interface RunOwner {
  done(run: ProjectRun, flow: Flow): void;
  /** It was cancelled, and there will be no result. */
  gone(run: ProjectRun): void;
}

/**
 * One event's answers on their way from a promise, an Observable or an (async) iterable. Cancelled when the turn of the
 * event is over: the inner stream is unsubscribed, the signal aborted, the generator finished.
 */
export class ProjectRun {
  readonly event: StageEvent;
  readonly #context: LazyContext;
  readonly #owner: RunOwner;
  readonly #answers: Answers;
  #active = true;
  #subscription: Subscription | undefined;
  #iterator: AsyncIterator<unknown> | undefined;

  constructor(event: StageEvent, context: LazyContext, owner: RunOwner) {
    this.event = event;
    this.#context = context;
    this.#owner = owner;
    this.#answers = new Answers(event, context.site);
    turnOf(event)?.onEnd(() => {
      this.cancel();
    });
  }

  get active(): boolean {
    return this.#active;
  }

  /** Takes what the project returned, and what comes out of it later. */
  drive(result: unknown): void {
    if (!this.#active) {
      this.#dismiss(result);
      return;
    }
    try {
      this.#start(result);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The project, or what it waits for, failed. */
  fail(error: unknown): void {
    if (this.#active) this.#end(failedEvent(this.event, error, this.#context.site));
  }

  /** The answer is not wanted any more. */
  cancel(): void {
    if (!this.#active) return;
    this.#active = false;
    this.#context.cancel();
    letGo(() => this.#subscription?.unsubscribe(), this.event.stage, turnOf(this.event)?.owner);
    this.#finishIterator();
    this.#owner.gone(this);
  }

  #start(result: unknown): void {
    if (isObservable(result)) {
      this.#subscription = from(result)
        .pipe(takeWhile((answer) => this.#active && !takeAll(this.#answers, answer)))
        .subscribe({
          error: (error: unknown) => {
            this.fail(error);
          },
          complete: () => {
            this.#succeed();
          },
        });
      // Subscribing may itself have ended the turn.
      if (!this.#active) this.#subscription.unsubscribe();
    } else if (isPromise(result)) {
      result.then(
        (value) => {
          this.drive(value);
        },
        (error: unknown) => {
          this.fail(error);
        },
      );
    } else if (isAsyncIterable(result)) {
      this.#iterator = result[Symbol.asyncIterator]();
      this.#pull(this.#iterator);
    } else {
      takeAll(this.#answers, result);
      this.#succeed();
    }
  }

  /** We drive the iterator ourselves: RxJS would finish an abandoned generator only at its next `yield`. */
  #pull(iterator: AsyncIterator<unknown>): void {
    iterator.next().then(
      (step) => {
        if (!this.#active) {
          this.#dismiss(step.value);
          return;
        }
        try {
          if (step.done === true) {
            takeAll(this.#answers, step.value);
            this.#succeed();
          } else if (takeAll(this.#answers, step.value)) {
            this.#finishIterator();
            this.#succeed();
          } else {
            this.#pull(iterator);
          }
        } catch (error) {
          this.#finishIterator();
          this.fail(error);
        }
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
  }

  #finishIterator(): void {
    try {
      Promise.resolve(this.#iterator?.return?.()).catch(() => undefined);
    } catch {
      // Whatever it says to that, nobody waits for it.
    }
  }

  /**
   * An answer that comes too late. Nobody waits for it; that it fails must not end the process, and a stream in it has to
   * be let go of.
   */
  #dismiss(result: unknown): void {
    if (isPromise(result)) {
      result.then(
        (value) => {
          this.#dismiss(value);
        },
        () => undefined,
      );
      return;
    }
    const several = typeof result === 'object' && result !== null && Symbol.iterator in result;
    if (several && !Array.isArray(result)) return;
    try {
      takeAll(this.#answers, result);
    } catch {
      // Whether it would have been legal nobody asks any more.
    }
  }

  #succeed(): void {
    if (!this.#active) return;
    if (this.#answers.readLater) this.#context.outlive(this.event);
    this.#end(this.#answers.result());
  }

  #end(flow: Flow): void {
    this.#active = false;
    this.#owner.done(this, flow);
  }
}

/** Takes one answer, or several that are there at once; whether the decision was among them. */
export function takeAll(answers: Answers, result: unknown): boolean {
  if (typeof result !== 'object' || result === null || !(Symbol.iterator in result)) {
    return answers.take(result);
  }
  if (Array.isArray(result)) return result.some((answer) => answers.take(answer));
  return takeEach(answers, (result as Iterable<unknown>)[Symbol.iterator]());
}

/** Not `for … of`, which drops what a generator returns: `return reject()` in one is meant as an answer. */
function takeEach(answers: Answers, iterator: Iterator<unknown, unknown>): boolean {
  let step = iterator.next();
  try {
    while (step.done !== true) {
      if (answers.take(step.value)) return true;
      step = iterator.next();
    }
  } finally {
    if (step.done !== true) iterator.return?.();
  }
  return answers.take(step.value);
}

/** Whether the answers are not there at once. */
export function isLater(result: object): boolean {
  return isPromise(result) || isObservable(result) || isAsyncIterable(result);
}

function isObservable(result: unknown): result is Observable<unknown> {
  return typeof result === 'object' && result !== null && 'subscribe' in result;
}

function isAsyncIterable(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}
