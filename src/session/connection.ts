import { none } from '../transport/layouts/none.js';
import { optneg } from '../transport/layouts/optneg.js';
import { Malformed } from '../transport/malformed.js';
import { ProtocolError } from '../transport/protocol-error.js';
import { replyCodec } from '../transport/wire-reply.js';
import { AnswerDesk, type DeskOwner } from './answer-desk.js';
import type { ConnectionIo } from './connection-io.js';
import type { ConnectionOwner, Receiver } from './connection-owner.js';
import type { Decision } from './decision.js';
import { Dialogue, type DialogueHost } from './dialogue.js';
import type { Flow } from './flow.js';
import { Intake, type IntakeHost } from './intake.js';
import { negotiate } from './negotiation.js';
import type { Failure, ResolvedOptions } from './options.js';
import type { Outcome } from './outcome.js';
import { Output } from './output.js';
import { Patience } from './patience.js';
import type { SessionState } from './session-state.js';
import type { FlowStage } from './stage.js';
import type { Tags } from './tags.js';
import type { Turn } from './turn.js';
import { UnansweredError } from './unanswered-error.js';

/** An MTA in lock-step has a few hundred bytes under way while it waits; beyond this it is not read any further. */
const MAX_QUEUED = 262_144;

/**
 * One connection of an MTA: takes its bytes, has them made into events one at a time, and has the answers written.
 *
 * Frames are taken in order. While an event waits for its answer what comes after it is kept, but for ABORT, QUIT and
 * the end of the connection: these cancel it.
 */
export class Connection implements IntakeHost, DeskOwner, DialogueHost {
  readonly failure: Failure;
  readonly #io: ConnectionIo;
  readonly #options: ResolvedOptions;
  readonly #owner: ConnectionOwner;
  readonly #intake: Intake;
  readonly #output: Output;
  readonly #desk: AnswerDesk;
  readonly #dialogue: Dialogue;
  readonly #patience: Patience;
  #receiver: Receiver | undefined;
  #tags: Tags | undefined;
  #phase: 'new' | 'open' | 'over' = 'new';
  #canSkip = false;
  /** Above 0 while frames are being handled: what is to be written is then written at the end. */
  #inside = 0;
  #paused = false;
  #draining = false;

  constructor(io: ConnectionIo, options: ResolvedOptions, owner: ConnectionOwner) {
    this.failure = options.failure;
    this.#io = io;
    this.#options = options;
    this.#owner = owner;
    this.#intake = new Intake(this);
    this.#output = new Output(io);
    this.#desk = new AnswerDesk(this, this.#output, options);
    this.#dialogue = new Dialogue(this, this.#output, this.#desk);
    this.#patience = new Patience(options.timeouts);
  }

  /** What is known of the SMTP connection. */
  get info(): SessionState {
    return this.#dialogue.info;
  }

  get canSkip(): boolean {
    return this.#canSkip;
  }

  get draining(): boolean {
    return this.#draining;
  }

  get watched(): boolean {
    return this.#owner.watched;
  }

  /** Begins: events go to `receiver` from here on. An MTA that was faster has been waiting. */
  attach(receiver: Receiver, tags: Tags): void {
    this.#receiver = receiver;
    this.#tags = tags;
    this.#enter(() => {
      this.#intake.catchUp();
    });
  }

  /** Takes bytes from the MTA. */
  receive(chunk: Buffer): void {
    this.#patience.heard();
    if (this.#phase === 'over') return;
    this.#inside++;
    try {
      this.#intake.push(chunk);
    } catch (error) {
      this.#caught(error);
    } finally {
      this.#leave();
    }
  }

  /** The MTA has closed its end, or the connection is lost. */
  eof(error?: Error): void {
    if (this.#phase === 'over') return;
    let failure = error;
    try {
      this.#intake.end();
    } catch (truncated) {
      failure ??= truncated as Error;
    }
    if (failure !== undefined) this.report('close', failure);
    this.#enter(() => {
      this.#finish();
    });
  }

  /** What came out of the end of the pipeline. */
  answer(flow: Flow): void {
    if (this.#phase !== 'over') this.#desk.answer(flow);
  }

  /** The peer takes bytes again. */
  drained(): void {
    this.#patience.moved();
    this.#output.drained();
    this.#adjustReading();
  }

  /** Starts a graceful end: the message in progress is finished, new ones are put off with a 421. */
  drain(): void {
    this.#draining = true;
    this.#linger();
  }

  /** Ends a graceful end that took too long: what is pending gets the failure decision. */
  expire(): void {
    if (this.#phase === 'over') return;
    const pending = this.#desk.pending;
    this.#enter(() => {
      if (pending !== undefined) {
        this.#desk.fail(
          new UnansweredError(pending.stage, 'the server was stopped, and its deadline is over.'),
        );
      }
      this.#finish();
    });
  }

  /** Ends at once, without events: the pipeline is gone. */
  destroy(): void {
    if (!this.#over()) return;
    this.#io.destroy();
    this.#owner.ended();
  }

  /** The pipeline ended before the connection did, with an error or without: what is pending gets the failure decision. */
  abandon(error: Error): void {
    if (this.#phase === 'over') return;
    this.#receiver = undefined;
    this.#intake.clear();
    this.#enter(() => {
      if (!this.#desk.fail(error)) this.report('close', error);
      this.#finish();
    });
  }

  /** Called now and then with the milliseconds since the last call: ends what has hung too long. */
  tick(elapsed: number): void {
    if (this.#phase === 'over') {
      if (this.#patience.overdue(elapsed)) this.#io.destroy();
      return;
    }
    const complaint = this.#patience.tick(elapsed, {
      negotiating: this.#phase === 'new',
      untaken: this.#output.blocked,
      midFrame: this.#intake.midFrame,
      pending: this.#desk.pending !== undefined,
    });
    if (complaint !== undefined) this.#breakDown(new Error(`${complaint}; the connection is closed.`));
  }

  /** See `TurnOwner`. */
  report(stage: FlowStage | 'negotiate', error: Error): void {
    this.outcome({ session: this.info, stage, decision: undefined, modifications: [], elapsed: 0, error });
  }

  /** See `DeskOwner`. */
  outcome(outcome: Outcome): void {
    this.#owner.outcome(outcome);
  }

  /** See `DeskOwner`. */
  settled(turn: Turn, decision: Decision): void {
    if (turn.mode === 'part') this.#dialogue.applyEarly(decision);
    else this.#dialogue.apply(turn.stage, decision);
    if (this.#inside > 0) return;
    this.#enter(() => {
      this.#intake.catchUp();
    });
  }

  /** See `DialogueHost`. */
  emit(flow: Flow): void {
    this.#receiver?.next(flow);
  }

  /** See `DialogueHost`. */
  postponeEom(): void {
    this.#intake.repeatEom();
  }

  /** See `IntakeHost`. */
  get detached(): boolean {
    return this.#receiver === undefined;
  }

  /** See `IntakeHost`. */
  get busy(): boolean {
    return this.#desk.pending !== undefined;
  }

  /** See `IntakeHost`. */
  cancel(): void {
    this.#desk.cancel();
  }

  /** See `IntakeHost`. */
  command(letter: string, data: Buffer, start: number, end: number, last: boolean): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'new') this.#onOffer(letter, data, start, end);
    else if (letter === 'Q') this.#onQuit(data, start, end);
    else if (letter === 'O') throw new Malformed('the negotiation is over');
    else this.#dialogue.handle(letter, data, start, end, last);
  }

  /** Runs what handles frames, and writes at its end all that it had to say. */
  #enter(run: () => void): void {
    this.#inside++;
    try {
      run();
    } catch (error) {
      this.#caught(error);
    } finally {
      this.#leave();
    }
  }

  #caught(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error;
    this.#breakDown(error);
  }

  #leave(): void {
    if (--this.#inside > 0) return;
    this.#output.flush();
    this.#adjustReading();
    if (this.#draining) this.#linger();
  }

  #adjustReading(): void {
    const stop = this.#output.blocked || this.#intake.kept > MAX_QUEUED;
    if (stop === this.#paused || this.#phase === 'over') return;
    this.#paused = stop;
    if (stop) this.#io.pause();
    else this.#io.resume();
  }

  #onOffer(name: string, data: Buffer, start: number, end: number): void {
    if (name !== 'O') throw new Malformed('it came before the negotiation');
    const offer = optneg.decode(data, start, end);
    if (this.#tags === undefined) return;
    try {
      const agreement = negotiate(offer, this.#tags, this.#options);
      this.#dialogue.open(agreement);
      this.#canSkip = agreement.canSkip;
      this.#phase = 'open';
      this.#output.put(replyCodec.encode({ type: 'optneg', ...agreement.answer }));
    } catch (error) {
      this.report('negotiate', error instanceof Error ? error : new Error(String(error)));
      this.#finish();
    }
  }

  #onQuit(data: Buffer, start: number, end: number): void {
    none.decode(data, start, end);
    this.#finish();
  }

  #finish(): void {
    if (this.#phase === 'over') return;
    const receiver = this.#receiver;
    this.#intake.clear();
    if (this.#phase === 'open') this.#dialogue.close();
    // The pipeline may have taken the last event for a reason to go.
    if (!this.#over()) return;
    this.#output.flush();
    this.#io.end();
    receiver?.complete();
    this.#owner.ended();
  }

  /** Lets go of everything; whether there was something to let go of. */
  #over(): boolean {
    if (this.#phase === 'over') return false;
    this.#phase = 'over';
    this.#receiver = undefined;
    this.#patience.stop();
    this.#desk.cancel();
    this.#intake.clear();
    this.#dialogue.endMessage();
    return true;
  }

  #breakDown(error: Error): void {
    if (this.#phase === 'over') return;
    this.report('close', error);
    this.#finish();
  }

  /** While stopping, a connection between messages is given up once nothing was heard of it for a while. */
  #linger(): void {
    const busy = this.#phase === 'over' || this.#dialogue.inMessage || this.#desk.pending !== undefined;
    if (busy) this.#patience.stop();
    else this.#patience.linger(() => this.#finish());
  }
}
