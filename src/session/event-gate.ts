import { tempfail } from './decisions/tempfail.js';
import type { Agreement } from './agreement.js';
import type { AnswerDesk } from './answer-desk.js';
import { CONTINUE, encodeDecision } from './encode-decision.js';
import type { Flow, MilterEvent } from './flow.js';
import type { Output } from './output.js';
import type { SessionState } from './session-state.js';
import { bitOf, type Stage } from './stage.js';
import { TURN, Turn, type Scope, type Turned, type TurnOwner } from './turn.js';

/** What a message gets that begins after the server was told to stop: the code makes the MTA close its connection. */
export const STOPPING = tempfail({
  code: 421,
  enhanced: '4.3.2',
  text: 'Service is shutting down, try again later',
});

/** Whose events they are. */
export interface GateHost extends TurnOwner {
  /** Whether somebody wants to know how long answers take. */
  readonly watched: boolean;
  /** Hands the flow to the filter. */
  emit(flow: Flow): void;
}

/**
 * Lets through to the filter what it wants, one event at a time, and says "continue" on its behalf to all else that the
 * MTA waits at.
 */
export class EventGate {
  readonly #host: GateHost;
  readonly #output: Output;
  readonly #desk: AnswerDesk;
  /** Sets of stages; see `Agreement`. */
  #wanted = 0;
  #decides = 0;
  #quiet = 0;
  #readers = 0;

  constructor(host: GateHost, output: Output, desk: AnswerDesk) {
    this.#host = host;
    this.#output = output;
    this.#desk = desk;
  }

  /** The terms are settled. */
  open({ wanted, decides, quiet, readers }: Agreement): void {
    this.#wanted = wanted;
    this.#decides = decides;
    this.#quiet = quiet;
    this.#readers = readers;
  }

  /** Whether the filter wants events of the stage. */
  wants(stage: Stage): boolean {
    return (this.#wanted & bitOf(stage)) !== 0;
  }

  /** Whether nothing may be sent at the stage. */
  isQuiet(stage: Stage): boolean {
    return (this.#quiet & bitOf(stage)) !== 0;
  }

  /**
   * The turn of an event that is to reach the filter. Where it is not to, its answer is given here.
   *
   * @param last false for a part of a body frame that is not its last: the answer is due at that
   */
  take(stage: Stage, message: Scope | undefined, last: boolean): Turn | undefined {
    const bit = bitOf(stage);
    const quiet = (this.#quiet & bit) !== 0;
    if ((this.#wanted & bit) === 0) {
      if (!quiet && last) this.#output.answer(CONTINUE);
      return undefined;
    }
    const mode = quiet || (this.#decides & bit) === 0 ? 'silent' : last ? 'reply' : 'part';
    const since = this.#host.watched ? performance.now() : 0;
    const turn = new Turn(this.#host, stage, mode, message, since);
    if (stage === 'body') turn.readers = this.#readers;
    return turn;
  }

  /** Refuses an event of a message that is put off; whether the MTA was told. */
  refuse(stage: Stage): boolean {
    if (this.isQuiet(stage)) return false;
    this.#output.answer(encodeDecision(STOPPING));
    return true;
  }

  /** Hands an event with its turn to the filter, and sees to its answer. */
  present(event: MilterEvent & Turned, turn: Turn, last: boolean): void {
    if (turn.mode === 'silent') {
      this.#host.emit(event);
      if (turn.held) this.#desk.hold(turn, () => this.#pass(turn, last));
      else this.#pass(turn, last);
      return;
    }
    this.#desk.open(turn);
    this.#host.emit(event);
    if (this.#desk.pending === turn) this.#desk.wait(turn);
  }

  /** The filter has seen an event that it does not answer. */
  #pass(turn: Turn, last: boolean): void {
    turn.end();
    if (last && (this.#quiet & bitOf(turn.stage)) === 0) this.#output.answer(CONTINUE);
  }

  /** Hands an event to the filter that has no answer. */
  tell(stage: 'abort' | 'close', session: SessionState, message: Scope | undefined): void {
    const turn = new Turn(this.#host, stage, 'silent', message, 0);
    const event: MilterEvent & Turned = { stage, session, [TURN]: turn };
    this.#host.emit(event);
  }
}
