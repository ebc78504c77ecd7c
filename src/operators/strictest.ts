import { Observable } from 'rxjs';

import { checkOptions, func } from '../common/options.js';
import { writeError } from '../common/write-error.js';
import { plainComplaint } from '../session/complaint.js';
import type { Decision } from '../session/decision.js';
import type { Edit, Modification } from '../session/modification.js';
import type { Undecided } from './answers.js';
import { StrictestRun } from './strictest-run.js';

/** What a check may give: one answer, none, or several in an array; now or later. */
type CheckInput<A> =
  | Undecided
  | A
  | readonly (Undecided | A)[]
  | PromiseLike<Undecided | A | readonly (Undecided | A)[]>
  | Observable<Undecided | A | readonly (Undecided | A)[]>;

/**
 * One of several checks that give answers `A`: what is under way already, or a function that begins it and is told when
 * to stop.
 */
export type Check<A = Decision | Modification | Edit> =
  CheckInput<A> | ((signal: AbortSignal) => CheckInput<A>);

/** The same as far as it takes to know what they give; whether that is legal the project is asked. */
type AnyCheck = object | ((signal: AbortSignal) => unknown) | Undecided;

/** What checks give, flattened. */
export type CheckAnswer<C> = C extends (signal: AbortSignal) => infer R ? InputAnswer<R> : InputAnswer<C>;

type InputAnswer<R> =
  R extends PromiseLike<infer V> ? Flat<V> : R extends Observable<infer V> ? Flat<V> : Flat<R>;

type Flat<V> = Exclude<V extends readonly (infer E)[] ? E : V, Undecided>;

/** How checks are put together. */
export interface StrictestOptions {
  /**
   * Told of the failure of a check that made no difference, because another one has refused the message or has failed
   * before it in the list. Default: a line on standard error.
   */
  readonly onError?: ((error: unknown, index: number) => void) | undefined;
}

/**
 * Runs several checks of one event at the same time, inside a project, and answers with the strictest: what is answered
 * depends on what they give, and not on who is first.
 *
 * From the strictest down: `reject`, `discard`, `tempfail`, a check that failed, nothing at all (the event travels on),
 * `proceed`, `skip`, `accept`. Of two that are as strict the one that is earlier in the list counts, with its words.
 * Modifications and edits of all of them are kept, in the order of the list. Where no check refuses and one has failed,
 * the project fails with its error, so that the event gets the failure decision.
 *
 * What cannot matter any more (the checks after one that rejects) is cancelled, and so is everything when the project
 * is: Observables are unsubscribed from, and the signals of functions aborted. A promise runs on, and what it says is
 * dropped, a failure included.
 *
 * A check is a value, a promise, an Observable, or a function of a signal that gives one of these; a generator is none.
 * Checks begin when the result is subscribed to, which the project does.
 *
 * @returns what a project may return; it emits once, when all that matters is known
 * @throws TypeError where `checks` is no list, or an option is wrong
 * @example
 * on('connect', ({ address }) =>
 *   strictest([(signal) => listed(address, signal), reputation$(address), tooMany(address) && tempfail('Slow down')]),
 * )
 */
export function strictest<const C extends readonly AnyCheck[]>(
  checks: C,
  options: StrictestOptions = {},
): Observable<readonly CheckAnswer<C[number]>[]> {
  if (!Array.isArray(checks)) {
    throw new TypeError('strictest(): the first argument has to be an array of checks.');
  }
  checkOptions<StrictestOptions>('strictest()', options, { onError: func });
  const { onError = warn } = options;
  // As they are now: the list may be changed before it is begun with.
  const all: readonly unknown[] = [...(checks as readonly unknown[])];
  return new Observable<readonly CheckAnswer<C[number]>[]>((subscriber) => {
    const run = new StrictestRun(all, onError, {
      done: (answers) => {
        subscriber.next(answers as readonly CheckAnswer<C[number]>[]);
        subscriber.complete();
      },
      failed: (error) => {
        subscriber.error(error);
      },
    });
    subscriber.add(() => {
      run.cancel();
    });
    run.start();
  });
}

function warn(error: unknown, index: number): void {
  writeError(`rxmilter: strictest(): check ${index} (from 0) failed: ${plainComplaint(error)}`);
}
