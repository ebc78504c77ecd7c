import { quote } from '../common/printable.js';
import { ignoreRejection, isPromise, onRejection } from '../common/promises.js';
import { errorFrom } from '../common/text-of.js';
import { ProjectError } from '../session/errors.js';
import { failureAt, tell } from '../session/failures.js';
import type { StageEvent } from '../session/flow.js';
import type { Failure } from '../session/options.js';
import { turnOf } from '../session/turn.js';
import type { Awaitable } from './awaitable.js';
import { type AwayOptions, awayDecision } from './away.js';
import { StoreError } from './store-error.js';

/** Asks a store, and knows what to do while it cannot be asked. */
export class Outage {
  readonly #decision: Failure | undefined;
  readonly #onAway: ((error: Error) => void) | undefined;
  readonly #onBack: (() => void) | undefined;
  /** How often it was asked. */
  #asked = 0;
  /** How often it had been asked when it was last found away; 0 while it is there. */
  #away = 0;
  /** What went wrong while there was no event to tell it at: the next one tells it. */
  #untold: Error | undefined;

  constructor({ away, onAway, onBack }: AwayOptions) {
    this.#decision = awayDecision(away);
    this.#onAway = onAway;
    this.#onBack = onBack;
  }

  /** What `use` makes of the store's answer: at once where the answer is there at once. */
  ask<D>(
    event: StageEvent,
    question: () => Awaitable<number>,
    use: (answer: number) => D,
  ): D | Failure | undefined | Promise<D | Failure | undefined> {
    this.tellLate(event);
    const asked = ++this.#asked;
    let answer: Awaitable<number>;
    try {
      answer = question();
    } catch (error) {
      return this.#gone(event, error);
    }
    const take = (given: number): D | Failure | undefined => {
      // Compared with anything, what is no number would let all mail pass.
      if (typeof (given as unknown) !== 'number' || Number.isNaN(given)) {
        return this.#gone(event, new StoreError(`The store answered ${quote(given)}, which is no number.`));
      }
      this.#there(event, asked);
      return use(given);
    };
    if (!isPromise(answer)) return take(answer);
    return Promise.resolve(answer).then(take, (error: unknown) => this.#gone(event, error));
  }

  /** Tells the store something that no mail waits for. What becomes of it is nobody's trouble: this throws nothing. */
  note(question: () => Awaitable<unknown>): void {
    const asked = ++this.#asked;
    try {
      const answer = question();
      if (!isPromise(answer)) {
        this.#there(undefined, asked);
        return;
      }
      Promise.resolve(answer).then(
        () => {
          this.#there(undefined, asked);
        },
        (error: unknown) => {
          this.#gone(undefined, error);
        },
      );
    } catch (error) {
      this.#gone(undefined, error);
    }
  }

  /** The same as a question that failed. */
  failed(error: unknown): void {
    this.#asked++;
    this.#gone(undefined, error);
  }

  /** Tells the server at an event what went wrong while there was none. */
  tellLate(event: StageEvent): void {
    const error = this.#untold;
    if (error === undefined) return;
    this.#untold = undefined;
    this.#tell(event, error);
  }

  /** An answer to an older question says nothing about now. */
  #there(event: StageEvent | undefined, asked: number): void {
    if (this.#away === 0 || asked <= this.#away) return;
    this.#away = 0;
    this.#call(event, this.#onBack);
  }

  #gone(event: StageEvent | undefined, thrown: unknown): Failure | undefined {
    const first = this.#away === 0;
    this.#away = this.#asked;
    // Told once only.
    ignoreRejection(thrown);
    if (first) {
      const error = errorFrom(thrown);
      const onAway = this.#onAway;
      if (onAway === undefined) this.#tell(event, error);
      else this.#call(event, () => onAway(error));
    }
    return this.#decision && event && failureAt(event.stage, this.#decision);
  }

  #call(event: StageEvent | undefined, callback: (() => unknown) | undefined): void {
    try {
      // An async function is a function that returns nothing, too.
      onRejection(callback?.(), (reason) => {
        this.#tell(event, reason);
      });
    } catch (error) {
      this.#tell(event, error);
    }
  }

  #tell(event: StageEvent | undefined, error: unknown): void {
    if (event === undefined) {
      this.#untold ??= errorFrom(error);
      return;
    }
    tell(new ProjectError(event.stage, error), event.stage, turnOf(event)?.owner);
  }
}
