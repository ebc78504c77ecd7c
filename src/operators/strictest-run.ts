import { onRejection } from '../common/promises.js';
import { writeError } from '../common/write-error.js';
import { plainComplaint } from '../session/complaint.js';
import { CheckRun } from './check-run.js';

/** Where the result goes: one of the two is called, once, or none where it is cancelled. */
export interface StrictestOwner {
  done(answers: readonly object[]): void;
  failed(error: unknown): void;
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
export class StrictestRun {
  readonly #checks: readonly CheckRun[];
  readonly #onError: (error: unknown, index: number) => unknown;
  readonly #owner: StrictestOwner;
  #over = false;

  constructor(
    checks: readonly unknown[],
    onError: (error: unknown, index: number) => void,
    owner: StrictestOwner,
  ) {
    this.#onError = onError;
    this.#owner = owner;
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

  /** Nobody wants the result any more. */
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
      this.#owner.failed(first.error);
      return;
    }
    // Also where the message is refused: whoever takes the answers looks after the bodies in them.
    const changes = this.#checks.flatMap(({ changes: own }) => own);
    const strictest = done.find(({ decision }) => STRICTNESS.indexOf(decision?.kind) === rank)?.decision;
    this.#owner.done(strictest === undefined ? changes : [...changes, strictest]);
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
