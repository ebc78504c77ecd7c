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
import { dropBody } from './core/tend-body.js';

/** What a check may give: one answer, none, or several in an array; now or later. */
type CheckInput<A> =
  | Undecided
  | A
  | readonly (Undecided | A)[]
  | PromiseLike<Undecided | A | readonly (Undecided | A)[]>
  | Observable<Undecided | A | readonly (Undecided | A)[]>;

/**
 * One of several checks that give answers `A`. It is under way already, or a function that begins it and is told when
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
 * Runs several checks of one event at the same time, and answers with the strictest.
 *
 * @remarks
 * It is called inside a project. The answer depends on what the checks give, and not on which is first.
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
 * A check is a value, a promise, an Observable, or a function of a signal that gives one of these.
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
  writeError(`rxmilter: strictest(): check ${index} (from 0) failed: ${plainComplaint(error)}`);
}

/** From the strictest down. */
const STRICTNESS: readonly (string | undefined)[] = [
  'reject',
  'discard',
  'tempfail',
  undefined,
  'proceed',
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
    this.#checks = checks.map(
      (check) =>
        new CheckRun(check, () => {
          this.#look();
        }),
    );
  }

  start(): void {
    for (const check of this.#checks) {
      if (this.#isOver()) check.cancel();
      else check.start();
    }
    this.#look();
  }

  /** The result is not wanted any more. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    for (const check of this.#checks) {
      check.cancel();
      check.dismiss();
    }
  }

  #isOver(): boolean {
    return this.#over;
  }

  #look(): void {
    if (this.#over) return;
    const rejects = this.#checks.findIndex(
      ({ state, decision }) => state === 'done' && decision?.kind === 'reject',
    );
    // Those after it can say nothing stricter.
    if (rejects !== -1) for (const check of this.#checks.slice(rejects + 1)) check.cancel();
    if (this.#checks.some(({ isOpen }) => isOpen)) return;
    this.#over = true;
    this.#finish();
  }

  #finish(): void {
    const done = this.#checks.filter(({ state }) => state === 'done');
    const failed = this.#checks.flatMap((check, index) =>
      check.state === 'failed' ? [{ error: check.error, index }] : [],
    );
    const rank = Math.min(...done.map(({ decision }) => STRICTNESS.indexOf(decision?.kind)));
    const refused = rank <= REFUSALS;
    const [first, ...others] = failed;
    for (const { error, index } of refused ? failed : others) this.#tell(error, index);
    if (!refused && first !== undefined) {
      for (const check of this.#checks) check.dismiss();
      this.#subscriber.error(first.error);
      return;
    }
    // Also where the message is refused: the taker of the answers looks after the bodies in them.
    const changes = this.#checks.flatMap(({ changes: own }) => own);
    const strictest = done.find(({ decision }) => STRICTNESS.indexOf(decision?.kind) === rank)?.decision;
    this.#subscriber.next(strictest === undefined ? changes : [...changes, strictest]);
    this.#subscriber.complete();
  }

  #tell(error: unknown, index: number): void {
    try {
      onRejection(this.#onError(error, index), failed);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

function failed(thrown: unknown): void {
  writeError(`rxmilter: strictest(): onError failed: ${plainComplaint(thrown)}`);
}

/** One of several checks: what it has given so far. */
class CheckRun extends Drive {
  protected override readonly whose = 'strictest(): the answers of a check';
  readonly changes: (Modification | Edit)[] = [];
  decision: Decision | undefined;
  error: unknown;
  state: 'new' | 'running' | 'done' | 'failed' | 'cancelled' = 'new';
  readonly #check: unknown;
  readonly #settled: () => void;
  #controller: AbortController | undefined;

  /** @param settled called when it is known what the check says */
  constructor(check: unknown, settled: () => void) {
    super();
    this.#check = check;
    this.#settled = settled;
  }

  /** Whether it is not known yet what the check says. */
  get isOpen(): boolean {
    return this.state === 'new' || this.state === 'running';
  }

  start(): void {
    if (this.state !== 'new') return;
    this.state = 'running';
    try {
      this.drive(typeof this.#check === 'function' ? this.#call(this.#check) : this.#check);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The result makes no difference any more; earlier answers of the check stay. */
  override cancel(): void {
    if (!this.isOpen) return;
    const begun = this.state === 'running';
    this.state = 'cancelled';
    super.cancel();
    // It may run already, wanted or not.
    if (!begun) this.drive(this.#check);
  }

  protected override cancelled(): void {
    this.#controller?.abort();
  }

  /** Releases the answers: nothing takes them. */
  dismiss(): void {
    for (const change of this.changes.splice(0)) dropBody(change);
  }

  #call(check: unknown): unknown {
    this.#controller = abortController(warnOf);
    return (check as (signal: AbortSignal) => unknown)(this.#controller.signal);
  }

  protected override take(given: unknown): boolean {
    for (const answer of Array.isArray(given) ? (given as unknown[]) : [given]) {
      if (answer === undefined || answer === null || answer === false) continue;
      this.decision = decisionIn(answer);
      if (this.decision !== undefined) return true;
      if (!isChange(answer)) {
        throw new AnswerError(
          'strictest(): a check gave what is no answer. Give what reject(), proceed(), addHeader() … make, or nothing.',
        );
      }
      this.changes.push(answer);
    }
    return false;
  }

  protected override ignore(given: unknown): void {
    for (const one of Array.isArray(given) ? (given as unknown[]) : [given]) if (isChange(one)) dropBody(one);
  }

  protected override report(error: unknown): void {
    warnOf(error);
  }

  protected override done(): void {
    this.state = 'done';
    this.#settled();
  }

  protected override failed(error: unknown): void {
    this.state = 'failed';
    this.error = error;
    this.#settled();
  }
}

/** A teardown, or a listener of the signal, has failed: no answer depends on it. */
function warnOf(error: unknown): void {
  warn(new ProjectError('close', error));
}
