import { errorFrom, isA } from '../common/text-of.js';
import { BodyStore, defaultStore } from '../spool/body-store.js';
import { AnswerError } from './answer-error.js';
import { giverOf, located } from './answer-place.js';
import { checkDecision } from './check-answer.js';
import type { Decision } from './decision.js';
import type { DeskOwner } from './desk-owner.js';
import { proceed } from './decisions/proceed.js';
import { skip } from './decisions/skip.js';
import { tempfail } from './decisions/tempfail.js';
import { CONTINUE, PROGRESS, encodeDecision } from './encode-decision.js';
import { encodeModifications } from './encode-modifications.js';
import { failureAt } from './failure-at.js';
import { causeOf } from './failed-reply.js';
import type { Flow } from './flow.js';
import type { BodySource, Modification } from './modification.js';
import { mootError } from './moot-error.js';
import type { ResolvedOptions } from './options.js';
import type { Output } from './output.js';
import { isPlain, isPlainReply } from './plain-decision.js';
import { ProjectError } from './project-error.js';
import { readBody } from './read-body.js';
import type { Stage } from './stage.js';
import { staleReply } from './stale-reply.js';
import { tooSlow } from './too-slow.js';
import { turnOf, type Turn } from './turn.js';
import { TurnTimers } from './turn-timers.js';
import { writeBody } from './write-body.js';

const NONE: readonly Modification[] = Object.freeze([]);
const HALF_DONE = tempfail();

/**
 * Takes the answers of the pipeline and writes them: for each turn exactly one, or none where the MTA wants none. Keeps
 * the one turn that is pending, its deadline and its signs of life.
 */
export class AnswerDesk {
  readonly #owner: DeskOwner;
  readonly #output: Output;
  readonly #options: ResolvedOptions;
  readonly #timers: TurnTimers;
  #turn: Turn | undefined;
  /** The pending turn has its decision; what is left is reading and writing a body. */
  #writing = false;
  /** All of the body is here, and a part of it may be with the MTA already. */
  #written = false;

  constructor(owner: DeskOwner, output: Output, options: ResolvedOptions) {
    this.#owner = owner;
    this.#output = output;
    this.#options = options;
    this.#timers = new TurnTimers(options);
  }

  /** The turn that the MTA waits for. */
  get pending(): Turn | undefined {
    return this.#turn;
  }

  /** A turn begins; its event is about to be emitted. */
  open(turn: Turn): void {
    this.#turn = turn;
  }

  /**
   * The MTA does not wait for an answer, but what it says next has to wait until the turn is free. That has as much time
   * as the end of a message; beyond it the event is let go, and whoever has missed it has to say so at the end.
   */
  hold(turn: Turn, then: () => void): void {
    const free = (): void => {
      if (this.#turn !== turn) return;
      this.#close(turn);
      then();
      this.#owner.settled(turn, proceed());
    };
    this.#turn = turn;
    turn.onFreed(free);
    this.#timers.start(turn, () => {
      turn.owner.report(turn.stage, tooSlow(turn.stage, this.#timers.waited(turn)));
      free();
    });
  }

  /** The event was emitted and not answered at once: from now on its time runs. */
  wait(turn: Turn): void {
    // What is left is up to the MTA.
    if (this.#written) return;
    this.#timers.start(
      turn,
      () => {
        this.fail(tooSlow(turn.stage, this.#timers.waited(turn)));
      },
      () => {
        this.#output.put(PROGRESS);
        this.#output.flush();
      },
    );
  }

  /** What came out of the end of the pipeline: an event that nobody decided, or a reply. */
  answer(flow: Flow): void {
    const event = flow.stage === 'reply' ? flow.to : flow;
    const turn = turnOf(event);
    // One that the MTA does not wait at may be held; it is free once those who hold it say so, and not when it is through.
    if (turn === undefined || turn !== this.#turn || turn.mode === 'silent' || this.#writing) {
      this.#untimely(flow, event.stage, turn);
    } else if (flow.stage === 'reply') {
      this.#settle(turn, flow.decision, flow.modifications, causeOf(flow));
    } else {
      const decision = turn.readers > 0 ? proceed() : skip();
      this.#settle(turn, decision, flow.stage === 'eom' ? flow.modifications : NONE, undefined);
    }
  }

  /** The frame that tells a decision: where the MTA does not know SKIP, the rest of the body is taken in silence. */
  encode(decision: Decision): Buffer {
    return decision.kind === 'skip' && !this.#owner.canSkip ? CONTINUE : encodeDecision(decision);
  }

  /** Answers the pending turn, where there is one, with the failure decision. */
  fail(error: Error): boolean {
    const turn = this.#turn;
    if (turn === undefined) return false;
    this.#finish(turn, this.#failure, NONE, error);
    return true;
  }

  /** A message whose body is half replaced may not pass, whatever else failures are to do. */
  get #failure(): Decision {
    const { failure } = this.#options;
    const passes = failure.kind === 'accept' || failure.kind === 'proceed';
    if (passes && this.#written) return HALF_DONE;
    return this.#turn === undefined ? failure : failureAt(this.#turn.stage, failure);
  }

  /** Drops the pending turn without an answer: the MTA does not wait for one any more. */
  cancel(): void {
    const turn = this.#turn;
    if (turn !== undefined) this.#close(turn);
    this.#timers.forget();
  }

  /** A body frame was answered without its last part having reached the filter. */
  frameOver(): void {
    this.#timers.forget();
  }

  #close(turn: Turn): void {
    this.#turn = undefined;
    this.#writing = false;
    this.#written = false;
    this.#timers.stop(turn.mode === 'part');
    turn.end();
  }

  #untimely(flow: Flow, stage: Flow['stage'], turn: Turn | undefined): void {
    if (flow.stage !== 'reply') {
      // Nobody waits for an event at a silent stage, and one whose turn was cancelled is expected to trickle out.
      return;
    }
    // Of a filter that failed its failure is worth knowing, not that nobody waits for what is said in its place.
    this.#owner.tell(stage, undefined, NONE, 0, causeOf(flow) ?? staleReply(stage, turn));
  }

  #settle(
    turn: Turn,
    given: Decision,
    modifications: readonly Modification[],
    cause: Error | undefined,
  ): void {
    const stage = turn.stage as Stage;
    try {
      const decision = checkDecision(given, stage);
      const kept = decision.kind === 'proceed' || decision.kind === 'accept' ? modifications : NONE;
      if (kept.length === 0) {
        // The outcome shows the filter's own object, by which it may know its decision again.
        const shown = isPlain(given) && isPlainReply(given) ? given : decision;
        this.#finish(turn, shown, NONE, cause, decision);
        return;
      }
      if (stage !== 'eom') throw new AnswerError(`${kept[0]?.kind ?? ''} at stage ${stage}: only at eom.`);
      const plan = encodeModifications(kept, this.#owner.info);
      if (plan.body === undefined) {
        for (const frame of plan.frames) this.#output.put(frame);
        this.#finish(turn, decision, kept, cause);
      } else {
        this.#writing = true;
        void this.#replaceBody(turn, decision, kept, plan.frames, plan.body);
      }
    } catch (error) {
      // What goes wrong after the answer is no reason for a second one.
      if (turn.ended) throw error;
      this.fail(errorFrom(error));
    }
  }

  /**
   * Nothing is written before the body is here as a whole: an MTA that loses its filter in the middle of it has half a
   * message, and may be told to accept it.
   */
  async #replaceBody(
    turn: Turn,
    decision: Decision,
    modifications: readonly Modification[],
    frames: readonly Buffer[],
    source: BodySource,
  ): Promise<void> {
    try {
      const body = source instanceof Uint8Array ? source : await collected(source, turn);
      if (body === undefined) return;
      // From here on it is the MTA that takes its time; and Postfix takes no signs of life between the frames of a body.
      this.#timers.stop(false);
      this.#written = true;
      for (const frame of frames) this.#output.put(frame);
      await writeBody(body, this.#output, turn);
    } catch (error) {
      // The MTA forgets what was written so far when the message is refused.
      located(error, giverOf(modifications.find(({ kind }) => kind === 'replaceBody')));
      if (!turn.ended) this.fail(isA(error, AnswerError) ? error : new ProjectError('eom', error));
      return;
    }
    if (!turn.ended) this.#finish(turn, decision, modifications, undefined);
  }

  #finish(
    turn: Turn,
    wanted: Decision,
    modifications: readonly Modification[],
    cause: Error | undefined,
    written: Decision = wanted,
  ): void {
    const decision = turn.moot ? proceed() : wanted;
    const error = turn.moot ? (cause ?? mootError(wanted)) : cause;
    turn.decision = decision;
    if (modifications !== NONE) turn.modifications = modifications;
    if (turn.mode === 'reply') this.#output.answer(this.encode(turn.moot ? decision : written));
    // Closed before anybody is told: whoever is may cause an answer, and it has to find the turn over.
    this.#close(turn);
    if (this.#owner.watched || error !== undefined) {
      const elapsed = turn.since === 0 ? 0 : performance.now() - turn.since;
      this.#owner.tell(turn.stage, decision, modifications, elapsed, error);
    }
    this.#owner.settled(turn, decision);
  }
}

/** The body of that source as a whole; `undefined` where the turn was over before its end. */
async function collected(source: BodySource, turn: Turn): Promise<BodyStore | undefined> {
  const known = BodyStore.of(source);
  if (known !== undefined) return known;
  const store = new BodyStore(turn.store ?? defaultStore());
  turn.onEnd(() => {
    store.close();
  });
  return (await readBody(source, store, turn)) ? store : undefined;
}
