import { errorFrom, messageOf } from '../common/text-of.js';
import { none } from '../transport/layouts/none.js';
import { optneg } from '../transport/layouts/optneg.js';
import { SMFIP } from '../transport/smfip.js';
import { Malformed } from '../transport/malformed.js';
import { replyCodec } from '../transport/wire-reply.js';
import { AnswerDesk } from './answer-desk.js';
import type { DeskOwner } from './desk-owner.js';
import type { ConnectionIo } from './connection-io.js';
import type { ConnectionOwner, Receiver } from './connection-owner.js';
import type { Decision } from './decision.js';
import { Dialogue, type DialogueHost } from './dialogue.js';
import type { Flow } from './flow.js';
import { Intake, type IntakeHost } from './intake.js';
import type { Modification } from './modification.js';
import { negotiate } from './negotiation.js';
import type { Failure, ResolvedOptions } from './options.js';
import type { Outcome } from './outcome.js';
import { Output } from './output.js';
import type { SessionState } from './session-state.js';
import type { FlowStage } from './stage.js';
import type { Tags } from './tags.js';
import { Tracer } from './tracer.js';
import type { Turn } from './turn.js';

/** The connection that the exchange is of. */
export interface ExchangeHost {
  /** Whether the connection is over. */
  readonly over: boolean;
  /** Runs what handles commands, and sees to what follows from it. */
  enter(run: () => void): void;
  /** The MTA has said goodbye, or there is no common ground. */
  finish(): void;
}

/**
 * What MTA and filter say to each other on one connection: ties together what takes commands in, what makes events of
 * them, and what writes the answers.
 */
export class Exchange implements IntakeHost, DeskOwner, DialogueHost {
  readonly failure: Failure;
  readonly intake: Intake;
  readonly output: Output;
  readonly desk: AnswerDesk;
  readonly dialogue: Dialogue;
  /** Whether messages that begin now are to be put off. */
  draining = false;
  /** Whether the terms are settled. */
  negotiated = false;
  canSkip = false;
  receiver: Receiver | undefined = undefined;
  #tags: Tags | undefined;
  /** Above 0 while commands are being handled: what comes after them is handled where they are. */
  inside = 0;
  /** The end of a message, which was told of, is about to come again. */
  #repeating = false;
  readonly #host: ExchangeHost;
  readonly #options: ResolvedOptions;
  readonly #owner: ConnectionOwner;
  readonly #tracer: Tracer | undefined;

  constructor(host: ExchangeHost, io: ConnectionIo, options: ResolvedOptions, owner: ConnectionOwner) {
    this.failure = options.failure;
    this.#host = host;
    this.#options = options;
    this.#owner = owner;
    this.intake = new Intake(this, options.frames);
    if (options.trace !== undefined) {
      this.#tracer = new Tracer(
        options.trace,
        () => this.info,
        (error) => {
          const why = `The trace function failed, and is not called again: ${messageOf(error)}`;
          this.report('close', new Error(why, { cause: error }));
        },
      );
    }
    this.output = new Output(io, this.#tracer);
    this.desk = new AnswerDesk(this, this.output, options);
    this.dialogue = new Dialogue(this, this.output, this.desk);
  }

  /** What is known of the SMTP connection. */
  get info(): SessionState {
    return this.dialogue.info;
  }

  get watched(): boolean {
    return this.#owner.watched;
  }

  /** From here on events go to `receiver`. */
  attach(receiver: Receiver, tags: Tags): void {
    this.receiver = receiver;
    this.#tags = tags;
  }

  /** Whether something is under way that is worth waiting for. */
  get engaged(): boolean {
    return this.dialogue.inMessage || this.busy;
  }

  /** Lets go of everything that is under way. */
  letGo(): void {
    this.receiver = undefined;
    this.desk.cancel();
    this.intake.clear();
    this.dialogue.endMessage();
  }

  /** See `TurnOwner`. */
  report(stage: FlowStage | 'negotiate', error: Error): void {
    this.tell(stage, undefined, [], 0, error);
  }

  /** See `DeskOwner`. */
  tell(
    stage: Outcome['stage'],
    decision: Decision | undefined,
    modifications: readonly Modification[],
    elapsed: number,
    error: Error | undefined,
  ): void {
    const { rounds, bytes } = this.output.tally;
    this.#owner.outcome({
      session: this.info,
      stage,
      decision,
      modifications,
      elapsed,
      rounds,
      bytes,
      error,
    });
  }

  /** See `DeskOwner`. */
  settled(turn: Turn, decision: Decision): void {
    if (turn.mode === 'part') this.dialogue.applyEarly(decision);
    else this.dialogue.apply(turn.stage, decision);
    if (this.inside > 0) return;
    this.#host.enter(() => {
      this.intake.catchUp();
    });
  }

  /** See `DialogueHost`. */
  emit(flow: Flow): void {
    // On the way to an event the abort before it may have ended all: then nobody will answer it.
    if (this.receiver === undefined) this.desk.cancel();
    else this.receiver.next(flow);
  }

  /** See `DialogueHost`. */
  postponeEom(): void {
    this.#repeating = true;
    this.intake.repeatEom();
  }

  /** See `IntakeHost`. */
  get detached(): boolean {
    return this.receiver === undefined;
  }

  /** See `IntakeHost`. */
  get busy(): boolean {
    return this.desk.pending !== undefined;
  }

  /** See `IntakeHost`. */
  cancel(): void {
    this.desk.cancel();
  }

  /** See `IntakeHost`. */
  overBudget(most: number): void {
    if (this.#host.over) return;
    this.report(
      'close',
      new Error(
        `The unfinished frames of all connections took more than ${most} bytes, and the one of this connection was the oldest; ` +
          'the connection is closed. Keep strangers away (allow), limit the connections (maxConnections), or raise maxFrameMemory.',
      ),
    );
    this.#host.enter(() => {
      this.#host.finish();
    });
  }

  /** See `IntakeHost`. */
  command(letter: string, data: Buffer, start: number, end: number, last: boolean): void {
    if (this.#host.over) return;
    const again = this.#repeating && letter === 'E';
    this.#repeating = false;
    if (!again) this.#tracer?.command(letter, data, start, end, last);
    if (!this.negotiated) {
      this.#onOffer(letter, data, start, end);
    } else if (letter === 'Q') {
      none.decode(data, start, end);
      this.#host.finish();
    } else if (letter === 'O') {
      throw new Malformed('the negotiation is over');
    } else {
      // Macros go ahead of what they belong to, and are no part of it.
      if (letter !== 'D') this.output.tally.received(end - start);
      this.dialogue.handle(letter, data, start, end, last);
    }
  }

  #onOffer(letter: string, data: Buffer, start: number, end: number): void {
    if (letter !== 'O') throw new Malformed('it came before the negotiation');
    const offer = optneg.decode(data, start, end);
    if (this.#tags === undefined) return;
    try {
      const agreement = negotiate(offer, this.#tags, this.#options);
      this.dialogue.open(agreement);
      this.canSkip = (agreement.protocol & SMFIP.SKIP) !== 0;
      this.intake.maxData = agreement.maxData;
      this.negotiated = true;
      this.output.put(replyCodec.encode({ type: 'optneg', ...agreement.answer }));
    } catch (error) {
      this.report('negotiate', errorFrom(error));
      this.#host.finish();
    }
  }
}
