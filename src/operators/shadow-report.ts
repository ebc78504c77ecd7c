import { onRejection } from '../common/promises.js';
import { errorFrom } from '../common/text-of.js';
import { tellFailure } from '../session/failures.js';
import type { MilterEvent } from '../session/flow.js';
import { BIT, bitOf } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { withTurn } from './core/derived-turn.js';
import type { Difference } from './difference.js';
import { passes, sameDecision, sameModifications } from './same-answer.js';
import type { Look, Passing } from './shadow-look.js';

/** What is known where nothing was said. */
export const NO_ANSWER = Object.freeze({ decision: undefined, modifications: Object.freeze([]) });

/** Compares what both sides have answered, and reports where that differs. */
export class ShadowReport {
  readonly #tell: (difference: Difference) => unknown;
  /** The stages that the filter decides. */
  readonly #decides: number;

  constructor(tellDifference: (difference: Difference) => unknown, decides: number) {
    this.#tell = tellDifference;
    this.#decides = decides;
  }

  /** Both sides have answered. */
  compare(look: Look): void {
    try {
      this.#compare(look);
    } catch (error) {
      // An answer that was written by hand does not let itself be looked at.
      this.failed(look, errorFrom(error));
    }
  }

  #compare({ event, view, would, did }: Look): void {
    if (would === undefined || did === undefined) return;
    if (would.error === undefined) {
      if ((bitOf(event.stage) & this.#decides) === 0) return;
      // The MTA has refused that recipient by itself, and does what it wants.
      if (event.stage === 'rcpt' && event.rejected !== undefined) return;
      const same =
        sameDecision(would.decision, did.decision, event.stage) &&
        ((bitOf(event.stage) & BIT.eom) === 0 ||
          !passes(would.decision) ||
          sameModifications(would.modifications, did.modifications));
      if (same) return;
    }
    this.#report(event, view, would, did);
  }

  /** Something went wrong apart from an answer. */
  failed({ event, view }: Look | Passing, error: Error): void {
    const turn = turnOf(event);
    this.#report(
      event,
      view,
      { ...NO_ANSWER, error },
      { decision: turn?.decision, modifications: turn?.modifications ?? [] },
    );
  }

  #report(event: MilterEvent, view: Look['view'], would: Difference['would'], did: Difference['did']): void {
    const session = view.still();
    // Whoever keeps differences is not to keep the connection.
    const copy = withTurn({ ...event, session }, undefined);
    const failed = (error: unknown): void => {
      tellFailure(event, error);
    };
    try {
      onRejection(this.#tell({ session, event: copy, would, did }), failed);
    } catch (error) {
      failed(error);
    }
  }
}
