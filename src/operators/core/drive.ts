import { type Observable, type Subscription, from, takeWhile } from 'rxjs';

import { ignoreRejection, isPromise } from '../../common/promises.js';
import { subscribeCalmly } from '../../rx/calmly.js';
import { Breath, Burst } from '../../session/breath.js';
import { AnswerError } from '../../session/errors.js';
import { tellFailure } from '../../session/failures.js';
import type { Flow, StageEvent } from '../../session/flow.js';
import { turnOf } from '../../session/turn.js';
import { Answers } from './answers.js';
import { failedEvent } from './failed-event.js';
import type { LazyContext } from './project-context.js';

/** Takes one answer, or an array of them; whether the decision was among them. */
export function takeAll(answers: Answers, result: unknown): boolean {
  return Array.isArray(result) ? result.some((answer) => answers.take(answer)) : answers.take(result);
}

export function takeEach(answers: Answers, iterator: Iterator<unknown>, burst: Burst): boolean {
  let step = iterator.next();
  try {
    while (step.done !== true) {
      burst.step(endless);
      if (answers.take(step.value)) return true;
      step = iterator.next();
    }
  } finally {
    if (step.done !== true) iterator.return?.();
  }
  return answers.take(step.value);
}

export function endless(): Error {
  return new AnswerError(
    'The answers of the project have come for two seconds without a pause and without a decision, and would not end. ' +
      'What gives many has to wait in between, so that other connections have their turn.',
  );
}

/** Whether the answers are not there at once, or may be more than can be taken at once. */
export function isLater(result: object): boolean {
  return isPromise(result) || isObservable(result) || isAsyncIterable(result) || isRow(result);
}

/** Whether it is an iterable whose length is not known. */
export function isRow(result: unknown): result is Iterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.iterator in result && !Array.isArray(result);
}

export function isObservable(result: unknown): result is Observable<unknown> {
  return typeof result === 'object' && result !== null && 'subscribe' in result;
}

export function isAsyncIterable(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}

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
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;
  readonly #burst = new Burst();

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
    this.#subscription?.unsubscribe();
    this.#finishIterator();
    this.#owner.gone(this);
  }

  #start(result: unknown): void {
    if (isObservable(result)) {
      this.#subscription = subscribeCalmly(
        from(result).pipe(takeWhile((answer) => this.#active && !this.#take(answer))),
        {
          error: (error) => {
            this.fail(error);
          },
          complete: () => {
            this.#succeed();
          },
        },
        (error) => {
          tellFailure(this.event, error);
        },
      );
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
      const iterator = result[Symbol.asyncIterator]();
      this.#iterator = iterator;
      this.#pull(iterator, new Breath());
    } else if (isRow(result)) {
      const iterator = result[Symbol.iterator]();
      this.#iterator = iterator;
      this.#walk(iterator, new Breath());
    } else {
      takeAll(this.#answers, result);
      this.#succeed();
    }
  }

  /** Takes one answer, or several that are there at once, out of an Observable or a generator that waits. */
  #take(answer: unknown): boolean {
    this.#burst.step(endless);
    return isRow(answer)
      ? takeEach(this.#answers, answer[Symbol.iterator](), this.#burst)
      : takeAll(this.#answers, answer);
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
        decided = this.#answers.take(step.value);
      } while (step.done !== true && !decided);
      if (step.done !== true) this.#finishIterator();
    } catch (error) {
      this.#finishIterator();
      this.fail(error);
      return;
    }
    this.#succeed();
  }

  /** We drive the iterator ourselves: RxJS would finish an abandoned generator only at its next `yield`. */
  #pull(iterator: AsyncIterator<unknown>, breath: Breath): void {
    iterator.next().then(
      (step) => {
        if (!this.#active) {
          this.#dismissStep(step);
          return;
        }
        try {
          if (step.done === true) {
            this.#take(step.value);
            this.#succeed();
          } else if (this.#take(step.value)) {
            this.#finishIterator();
            this.#succeed();
          } else if (breath.due) {
            breath.later(() => {
              if (this.#active) this.#pull(iterator, breath);
            });
          } else {
            this.#pull(iterator, breath);
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
      ignoreRejection(this.#iterator?.return?.());
    } catch (error) {
      // Whatever it says to that, no code waits for it.
      ignoreRejection(error);
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
    try {
      const several = typeof result === 'object' && result !== null && Symbol.iterator in result;
      if (several && !Array.isArray(result)) return;
      takeAll(this.#answers, result);
    } catch {
      // Whether it would have been legal nobody asks any more.
    }
  }

  #dismissStep(step: IteratorResult<unknown>): void {
    try {
      this.#dismiss(step.value);
    } catch {
      // It is no step at all.
    }
  }

  #succeed(): void {
    if (!this.#active) return;
    if (this.#answers.readLater) this.#context.outlive();
    this.#end(this.#answers.result());
  }

  #end(flow: Flow): void {
    this.#active = false;
    try {
      this.#owner.done(this, flow);
    } catch (error) {
      // There is no caller: this comes from a promise or a timer, where it would end the process.
      tellFailure(this.event, error);
    }
  }
}
