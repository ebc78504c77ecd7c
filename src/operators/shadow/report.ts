import { onRejection } from '../../common/promises.js';
import { errorFrom } from '../../common/text-of.js';
import { checkDecision } from '../../session/decisions.js';
import { causeOf, failureAt, tellFailure } from '../../session/failures.js';
import type { MilterEvent, Reply, StageEvent } from '../../session/flow.js';
import { passes, sameAnswer } from '../../session/same-answer.js';
import { bitOf } from '../../session/stage.js';
import { turnOf } from '../../session/turn.js';
import { withTurn } from '../core/derived-turn.js';
import { type Difference, withoutStandIns } from './compare.js';
import type { Comparison, Passing } from './comparison.js';

/** What is known where nothing was said. */
export const NO_ANSWER = Object.freeze({ decision: undefined, modifications: Object.freeze([]) });

/** Compares what both sides have answered, and reports where that differs. */
export class ShadowReport {
  readonly #callback: (difference: Difference) => unknown;
  /** The stages that the filter decides. */
  readonly #decides: number;

  constructor(callback: (difference: Difference) => unknown, decides: number) {
    this.#callback = callback;
    this.#decides = decides;
  }

  /** Both sides have answered. */
  compare(comparison: Comparison): void {
    try {
      this.#compare(comparison);
    } catch (error) {
      // An answer that was written by hand does not let itself be looked at.
      this.failed(comparison, errorFrom(error));
    }
  }

  #compare({ event, view, would, did }: Comparison): void {
    if (would === undefined || did === undefined) return;
    if (would.error === undefined) {
      if ((bitOf(event.stage) & this.#decides) === 0) return;
      // The MTA has refused that recipient by itself, and does what it wants.
      if (event.stage === 'rcpt' && event.rejected !== undefined) return;
      const own = { ...would, modifications: withoutStandIns(would.modifications) };
      if (sameAnswer(event.stage, own, did)) return;
    }
    this.#report(event, view, would, did);
  }

  /** Something went wrong apart from an answer. */
  failed({ event, view }: Comparison | Passing, error: Error): void {
    const turn = turnOf(event);
    this.#report(
      event,
      view,
      { ...NO_ANSWER, error },
      { decision: turn?.decision, modifications: turn?.modifications ?? [] },
    );
  }

  #report(
    event: MilterEvent,
    view: Comparison['view'],
    would: Difference['would'],
    did: Difference['did'],
  ): void {
    const session = view.still();
    // A difference that is kept is not to keep the connection.
    const copy = withTurn({ ...event, session }, undefined);
    const failed = (error: unknown): void => {
      tellFailure(event, error);
    };
    try {
      onRejection(this.#callback({ session, event: copy, would, did }), failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** What the MTA would have been told, by what a filter in the shadow has let out. */
export function wouldBe(flow: StageEvent | Reply, comparison: Comparison): Difference['would'] {
  if (flow.stage === 'eom')
    return { decision: undefined, modifications: flow.modifications, error: undefined };
  if (flow.stage !== 'reply') return { ...NO_ANSWER, error: undefined };
  const { decision, modifications } = flow;
  try {
    checkDecision(decision, comparison.event.stage);
  } catch (error) {
    return failedAt(comparison, error as Error);
  }
  // What has failed before it is not its fault.
  const error = flow === comparison.copy ? undefined : causeOf(flow);
  return { decision, modifications: passes(decision) ? modifications : [], error };
}

/** The same where the filter has failed. */
export function failedAt({ event: { stage }, turn }: Comparison, error: Error): Difference['would'] {
  return { decision: failureAt(stage, turn.owner.failure), modifications: [], error };
}
