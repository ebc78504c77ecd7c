import { isObservable, takeWhile, type Subscription } from 'rxjs';

import { abortController } from '../common/abort.js';
import { isPromise } from '../common/promises.js';
import { warn } from '../common/warn.js';
import { subscribeCalmly } from '../rx/calmly.js';
import { AnswerError } from '../session/answer-error.js';
import { Burst } from '../session/breath.js';
import type { Decision } from '../session/decision.js';
import type { Edit, Modification } from '../session/modification.js';
import { ProjectError } from '../session/project-error.js';
import { decisionIn, isChange } from './answers.js';
import { dropBody } from './tend-body.js';

/** One of several checks: what it has given so far. */
export class CheckRun {
  readonly #check: unknown;
  /** It is through. */
  readonly #through: () => void;
  readonly #changes: (Modification | Edit)[] = [];
  #decision: Decision | undefined;
  #error: unknown;
  #state: 'new' | 'running' | 'done' | 'failed' | 'cancelled' = 'new';
  #controller: AbortController | undefined;
  #subscription: Subscription | undefined;
  readonly #burst = new Burst();

  constructor(check: unknown, through: () => void) {
    this.#check = check;
    this.#through = through;
  }

  get state(): 'new' | 'running' | 'done' | 'failed' | 'cancelled' {
    return this.#state;
  }

  /** Whether it is not known yet what comes of it. */
  get isOpen(): boolean {
    return this.#state === 'new' || this.#state === 'running';
  }

  get decision(): Decision | undefined {
    return this.#decision;
  }

  get changes(): readonly (Modification | Edit)[] {
    return this.#changes;
  }

  get error(): unknown {
    return this.#error;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    try {
      this.#drive(typeof this.#check === 'function' ? this.#call(this.#check) : this.#check);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nobody wants to know any more; what it has given before that it has given. */
  cancel(): void {
    // One that runs whether it is wanted or not.
    if (this.#state === 'new') ignore(this.#check);
    if (!this.isOpen) return;
    this.#state = 'cancelled';
    this.#controller?.abort();
    this.#subscription?.unsubscribe();
  }

  /** Nobody takes what it has given. */
  dismiss(): void {
    for (const change of this.#changes.splice(0)) dropBody(change);
  }

  #call(check: unknown): unknown {
    this.#controller = abortController(warnOf);
    return (check as (signal: AbortSignal) => unknown)(this.#controller.signal);
  }

  #drive(result: unknown): void {
    if (this.#state !== 'running') {
      // Cancelled by what it has called.
      ignore(result);
    } else if (isObservable(result)) {
      this.#subscription = subscribeCalmly(
        result.pipe(
          takeWhile((answer) => {
            this.#burst.step(endless);
            return this.#state === 'running' && !this.#take(answer);
          }),
        ),
        {
          error: (error) => {
            this.#fail(error);
          },
          complete: () => {
            this.#succeed();
          },
        },
        warnOf,
      );
      if (!this.isOpen) this.#subscription.unsubscribe();
    } else if (isPromise(result)) {
      result.then(
        (value) => {
          if (this.#state !== 'running') {
            ignore(value);
            return;
          }
          try {
            this.#take(value);
            this.#succeed();
          } catch (error) {
            this.#fail(error);
          }
        },
        (error: unknown) => {
          this.#fail(error);
        },
      );
    } else {
      this.#take(result);
      this.#succeed();
    }
  }

  /** Takes an answer, or several; whether the decision was among them. */
  #take(given: unknown): boolean {
    for (const answer of Array.isArray(given) ? (given as unknown[]) : [given]) {
      if (answer === undefined || answer === null || answer === false) continue;
      const decision = decisionIn(answer);
      if (decision !== undefined) {
        this.#decision = decision;
        return true;
      }
      if (!isChange(answer)) {
        throw new AnswerError(
          'strictest(): a check gave what is no answer. Give what reject(), proceed(), addHeader() … make, or nothing.',
        );
      }
      this.#changes.push(answer);
    }
    return false;
  }

  #succeed(): void {
    if (this.#state !== 'running') return;
    this.#state = 'done';
    this.#through();
  }

  #fail(error: unknown): void {
    if (this.#state !== 'running') return;
    this.#state = 'failed';
    this.#error = error;
    this.#through();
  }
}

function endless(): Error {
  return new AnswerError(
    'strictest(): a check has emitted for two seconds without a pause and without a decision, and would not end.',
  );
}

/** What comes of it nobody wants: it must not end the process, and its bodies have to be let go of. */
function ignore(given: unknown): void {
  if (isPromise(given)) {
    given.then(ignore, () => undefined);
    return;
  }
  try {
    for (const one of Array.isArray(given) ? (given as unknown[]) : [given]) if (isChange(one)) dropBody(one);
  } catch {
    // An object that does not let itself be looked at; there is no body of ours in it.
  }
}

/** A teardown, or a listener of the signal, has failed: no answer depends on it. */
function warnOf(error: unknown): void {
  warn(new ProjectError('close', error));
}
