import { inspect } from 'node:util';

import { tell } from '../operators/let-go.js';
import { isPromise } from '../operators/project-run.js';
import { failureAt } from '../session/failure-at.js';
import type { StageEvent } from '../session/flow.js';
import type { Failure } from '../session/options.js';
import { ProjectError } from '../session/project-error.js';
import { turnOf } from '../session/turn.js';
import { awayDecision, type AwayOptions } from './away.js';
import type { Awaitable } from './awaitable.js';
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

  constructor(what: string, { away, onAway, onBack }: AwayOptions) {
    this.#decision = awayDecision(what, away);
    this.#onAway = onAway;
    this.#onBack = onBack;
  }

  /** What `use` makes of the store's answer: at once where the answer is there at once. */
  ask<D>(
    event: StageEvent,
    question: () => Awaitable<number>,
    use: (answer: number) => D,
  ): D | Failure | undefined | Promise<D | Failure | undefined> {
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
        return this.#gone(event, new StoreError(`The store answered ${inspect(given)}, which is no number.`));
      }
      this.#there(event, asked);
      return use(given);
    };
    if (!isPromise(answer)) return take(answer);
    return Promise.resolve(answer).then(take, (error: unknown) => this.#gone(event, error));
  }

  /** An answer to an older question says nothing about now. */
  #there(event: StageEvent, asked: number): void {
    if (this.#away === 0 || asked <= this.#away) return;
    this.#away = 0;
    this.#call(event, this.#onBack);
  }

  #gone(event: StageEvent, thrown: unknown): Failure | undefined {
    const first = this.#away === 0;
    this.#away = this.#asked;
    if (first) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
      const onAway = this.#onAway;
      if (onAway === undefined) this.#tell(event, error);
      else this.#call(event, () => onAway(error));
    }
    return this.#decision && failureAt(event.stage, this.#decision);
  }

  #call(event: StageEvent, callback: (() => void) | undefined): void {
    try {
      callback?.();
    } catch (error) {
      this.#tell(event, error);
    }
  }

  #tell(event: StageEvent, error: unknown): void {
    tell(new ProjectError(event.stage, error), event.stage, turnOf(event)?.owner);
  }
}
