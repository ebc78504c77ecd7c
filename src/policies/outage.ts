import { type Rules, func, or } from '../common/options.js';
import { quote } from '../common/printable.js';
import { ignoreRejection, isPromise, onRejection } from '../common/promises.js';
import { errorFrom } from '../common/text-of.js';
import { tempfail } from '../session/decisions.js';
import { failureAt, tellFailure } from '../session/failures.js';
import type { StageEvent } from '../session/flow.js';
import { type Failure, failureRule } from '../session/options.js';
import { type Awaitable, StoreError } from './stores.js';

/** The fate of mail while a store is unavailable: `'tempfail'` is 451 4.3.0, `'pass'` as without the policy. */
export type Away = 'pass' | 'tempfail' | Failure;

/** The options of all policies with a store, for the time in which it is unavailable. */
export interface AwayOptions {
  /** The fate of mail meanwhile. Default `'tempfail'`: nothing gets past the policy. */
  readonly away?: Away | undefined;
  /** Gets the error when that begins. Default: `onError` and `outcomes` of the server get it, with the event. */
  readonly onAway?: ((error: Error) => void) | undefined;
  /** Called when the store is available again. */
  readonly onBack?: (() => void) | undefined;
}

/** The rules of these options. */
export const AWAY_RULES: Rules<AwayOptions> = {
  away: or(failureRule, 'pass', 'tempfail'),
  onAway: func,
  onBack: func,
};

/** RFC 3463: something in the mail system is wrong, and it is not the sender's fault. */
const UNAVAILABLE = Object.freeze(
  tempfail({ code: 451, enhanced: '4.3.0', text: 'Temporarily out of order, please try again later' }),
);

/** Asks a store, decides while it is unavailable, and reports when that begins and ends. */
export class Outage {
  readonly #decision: Failure | undefined;
  readonly #options: AwayOptions;
  #calls = 0;
  /** How many calls there had been when one last failed; 0 while the store is available. */
  #failedAt = 0;
  /** An error without an event to report it with: the next event reports it. */
  #unreported: Error | undefined;

  constructor(options: AwayOptions) {
    const { away = 'tempfail' } = options;
    this.#options = options;
    this.#decision = away === 'pass' ? undefined : away === 'tempfail' ? UNAVAILABLE : away;
  }

  /** Returns the result of `use` for the store's answer: at once where the answer is there at once. */
  ask<D>(
    event: StageEvent,
    question: () => Awaitable<number>,
    use: (answer: number) => D,
  ): Awaitable<D | Failure | undefined> {
    this.reportLate(event);
    return this.#call(event, question, use);
  }

  /** Tells the store something that no mail waits for; throws nothing. */
  note(question: () => Awaitable<unknown>): void {
    void this.#call(undefined, question, () => undefined);
  }

  /** Reports with an event an error that had none. */
  reportLate(event: StageEvent): void {
    const error = this.#unreported;
    this.#unreported = undefined;
    if (error !== undefined) tellFailure(event, error);
  }

  #call<A, D>(
    event: StageEvent | undefined,
    question: () => Awaitable<A>,
    use: (answer: A) => D,
  ): Awaitable<D | Failure | undefined> {
    const call = ++this.#calls;
    const failed = (error: unknown): Failure | undefined => this.#fail(event, error);
    const answered = (answer: A): D | Failure | undefined => {
      // Compared with anything, a value that is no number would let all mail pass.
      if (event !== undefined && (typeof answer !== 'number' || Number.isNaN(answer))) {
        return failed(new StoreError(`The store answered ${quote(answer)}, which is no number.`));
      }
      // An answer to a call before the failure says nothing about now.
      if (this.#failedAt > 0 && call > this.#failedAt) {
        this.#failedAt = 0;
        this.#notify(event, () => this.#options.onBack?.());
      }
      return use(answer);
    };
    let answer: Awaitable<A>;
    try {
      answer = question();
    } catch (error) {
      return failed(error);
    }
    return isPromise(answer) ? Promise.resolve(answer).then(answered, failed) : answered(answer);
  }

  #fail(event: StageEvent | undefined, thrown: unknown): Failure | undefined {
    const first = this.#failedAt === 0;
    this.#failedAt = this.#calls;
    ignoreRejection(thrown);
    const { onAway = (error) => this.#report(event, error) } = this.#options;
    if (first) this.#notify(event, () => onAway(errorFrom(thrown)));
    return this.#decision && event && failureAt(event.stage, this.#decision);
  }

  #notify(event: StageEvent | undefined, callback: () => unknown): void {
    try {
      // An async function is a function that returns nothing, too.
      onRejection(callback(), (reason) => this.#report(event, reason));
    } catch (error) {
      this.#report(event, error);
    }
  }

  #report(event: StageEvent | undefined, error: unknown): void {
    if (event === undefined) this.#unreported ??= errorFrom(error);
    else tellFailure(event, errorFrom(error));
  }
}
