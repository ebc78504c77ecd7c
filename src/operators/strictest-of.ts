import { Observable, type Subscriber } from 'rxjs';

import { abortController } from '../common/abort.js';
import { checkOptions, func } from '../common/options.js';
import { onRejection } from '../common/promises.js';
import { warn, writeError } from '../common/write-error.js';
import { plainComplaint } from '../session/complaint.js';
import type { Decision } from '../session/decisions.js';
import { AnswerError, ProjectError } from '../session/errors.js';
import type { Edit, Modification } from '../session/modifications.js';
import { type Undecided, decisionIn, isChange } from './core/answers.js';
import { Drive } from './core/drive.js';
import { isFilter } from './core/filter.js';
import { dropBody } from './core/tend-body.js';

/** What a check may give: one answer, none, or several in an array; now or later. */
type CheckInput<A> =
  | Undecided
  | A
  | readonly (Undecided | A)[]
  | PromiseLike<Undecided | A | readonly (Undecided | A)[]>
  | Observable<Undecided | A | readonly (Undecided | A)[]>;

/** A check that gives answers `A`: under way already, or a function that begins it and is told when to stop. */
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
  /** Gets the error of a check that makes no difference. Default: a line on standard error. */
  readonly onError?: ((error: unknown, index: number) => void) | undefined;
}

/**
 * Runs several checks of one event at the same time, and answers with the strictest.
 *
 * @remarks
 * To be called inside a project. From the strictest down: `reject`, `discard`, `tempfail`, a check that failed, nothing
 * (the event travels on), `allow`, `skip`, `accept`; of two alike the earlier in the list. Modifications of all are
 * kept, in that order. Where no check refuses and one has failed, the project fails with its error.
 *
 * The checks after one that rejects are cancelled, and all of them with the project: Observables are unsubscribed from,
 * the signals of functions aborted; the result of a promise is dropped. They begin with the subscription.
 *
 * @returns what a project may return; it emits once
 * @throws TypeError where `checks` is not an array, a check is a filter, or an option is wrong
 * @example
 * on('connect', ({ address }) =>
 *   strictestOf([(signal) => listed(address, signal), reputation$(address), tooMany(address) && tempfail('Slow down')]),
 * )
 */
export function strictestOf<const C extends readonly AnyCheck[]>(
  checks: C,
  options: StrictestOptions = {},
): Observable<readonly CheckAnswer<C[number]>[]> {
  if (!Array.isArray(checks)) {
    throw new TypeError('strictestOf(): the first argument has to be an array of checks.');
  }
  for (const [at, check] of checks.entries()) {
    if (!isFilter(check)) continue;
    throw new TypeError(
      `strictestOf(): check ${at} (from 0) is a filter, and it takes checks of one event. ` +
        'Put filters in a row with compose(), or give what the project of the filter gives.',
    );
  }
  checkOptions<StrictestOptions>('strictestOf()', options, { onError: func });
  const { onError = writeFailure } = options;
  // As they are now: the list may be changed before it is begun with.
  const all: readonly unknown[] = [...(checks as readonly unknown[])];
  return new Observable<readonly CheckAnswer<C[number]>[]>((subscriber) => {
    const run = new StrictestRun(all, onError, subscriber);
    subscriber.add(() => run.cancel());
    run.start();
  });
}

function writeFailure(error: unknown, index: number): void {
  writeError(`rxmilter: strictestOf(): check ${index} (from 0) failed: ${plainComplaint(error)}`);
}

/** From the strictest down. A check that has failed is as strict as one that leaves the event. */
const STRICTNESS: readonly (Decision['kind'] | undefined)[] = [
  'reject',
  'discard',
  'tempfail',
  undefined,
  'allow',
  'skip',
  'accept',
];
const REFUSALS = STRICTNESS.indexOf('tempfail');

/** Several checks under way, and what they have given. */
class StrictestRun {
  readonly #checks: readonly CheckRun[];
  readonly #onError: (error: unknown, index: number) => unknown;
  readonly #subscriber: Subscriber<unknown>;
  #over = false;

  constructor(
    checks: readonly unknown[],
    onError: (error: unknown, index: number) => void,
    subscriber: Subscriber<unknown>,
  ) {
    this.#onError = onError;
    this.#subscriber = subscriber;
    this.#checks = checks.map((check) => new CheckRun(check, () => this.#compare()));
  }

  start(): void {
    for (const check of this.#checks) check.start();
    this.#compare();
  }

  /** The result is not wanted any more. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    for (const check of this.#checks) check.cancel();
    this.#dismiss();
  }

  #compare(): void {
    if (this.#over) return;
    const checks = this.#checks;
    const rejects = checks.findIndex(({ decision }) => decision?.kind === 'reject');
    // Those after it can say nothing stricter.
    if (rejects !== -1) for (const check of checks.slice(rejects + 1)) check.cancel();
    if (checks.some(({ active }) => active)) return;
    this.#over = true;
    const ranks = checks.map(({ decision }) => STRICTNESS.indexOf(decision?.kind));
    const strictest = Math.min(...ranks);
    const errors = checks.flatMap(({ failure }, index) => (failure ? [{ ...failure, index }] : []));
    const fatal = strictest <= REFUSALS ? undefined : errors.shift();
    for (const { error, index } of errors) this.#tell(error, index);
    if (fatal !== undefined) {
      this.#dismiss();
      this.#subscriber.error(fatal.error);
      return;
    }
    // Also where the message is refused: the taker of the answers looks after the bodies in them.
    const answers: unknown[] = checks.flatMap(({ changes }) => changes);
    const decision = checks[ranks.indexOf(strictest)]?.decision;
    if (decision !== undefined) answers.push(decision);
    this.#subscriber.next(answers);
    this.#subscriber.complete();
  }

  /** Releases the answers: nothing takes them. */
  #dismiss(): void {
    for (const { changes } of this.#checks) changes.splice(0).forEach(dropBody);
  }

  #tell(error: unknown, index: number): void {
    const failed = (thrown: unknown): void => {
      writeError(`rxmilter: strictestOf(): onError failed: ${plainComplaint(thrown)}`);
    };
    try {
      onRejection(this.#onError(error, index), failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

/** One of several checks: what it has given so far. */
class CheckRun extends Drive {
  protected override readonly whose = 'strictestOf(): the answers of a check';
  readonly changes: (Modification | Edit)[] = [];
  decision: Decision | undefined;
  failure: { readonly error: unknown } | undefined;
  readonly #check: unknown;
  readonly #settled: () => void;
  #controller: AbortController | undefined;

  /** @param settled called when it is known what the check says */
  constructor(check: unknown, settled: () => void) {
    super();
    this.#check = check;
    this.#settled = settled;
  }

  /** Begins it; where it was cancelled before, what is under way already comes too late. */
  start(): void {
    try {
      this.drive(this.active && typeof this.#check === 'function' ? this.#call(this.#check) : this.#check);
    } catch (error) {
      this.fail(error);
    }
  }

  protected override cancelled(): void {
    this.#controller?.abort();
  }

  #call(check: unknown): unknown {
    this.#controller = abortController(warnOf);
    return (check as (signal: AbortSignal) => unknown)(this.#controller.signal);
  }

  protected override take(given: unknown): boolean {
    for (const answer of listOf(given)) {
      if (answer === undefined || answer === null || answer === false) continue;
      this.decision = decisionIn(answer);
      if (this.decision !== undefined) return true;
      if (!isChange(answer)) {
        throw new AnswerError(
          'strictestOf(): a check gave what is no answer. Give what reject(), allow(), addHeader() … make, or nothing.',
        );
      }
      this.changes.push(answer);
    }
    return false;
  }

  protected override ignore(given: unknown): void {
    for (const answer of listOf(given)) if (isChange(answer)) dropBody(answer);
  }

  protected override report(error: unknown): void {
    warnOf(error);
  }

  protected override done(): void {
    this.#settled();
  }

  protected override failed(error: unknown): void {
    this.decision = undefined;
    this.failure = { error };
    this.#settled();
  }
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [given];
}

/** A teardown, or a listener of the signal, has failed: no answer depends on it. */
function warnOf(error: unknown): void {
  warn(new ProjectError('close', error));
}
