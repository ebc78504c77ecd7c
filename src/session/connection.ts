import { bytes as bytesLayout } from '../transport/layouts/bytes.js';
import { commandCodec } from '../transport/command.js';
import { COMMANDS } from '../transport/commands.js';
import { connect as connectLayout } from '../transport/layouts/connect.js';
import { none } from '../transport/layouts/none.js';
import { optneg as optnegLayout } from '../transport/layouts/optneg.js';
import { pair } from '../transport/layouts/pair.js';
import { string } from '../transport/layouts/string.js';
import { strings, type StringsFields } from '../transport/layouts/strings.js';
import { FrameReader, type FrameHandler } from '../transport/frame-reader.js';
import { Malformed } from '../transport/malformed.js';
import { ProtocolError } from '../transport/protocol-error.js';
import { replyCodec } from '../transport/wire-reply.js';
import { AnswerDesk, type DeskOwner } from './answer-desk.js';
import type { Decision } from './decision.js';
import { tempfail } from './decisions/tempfail.js';
import { CONTINUE, encodeDecision } from './encode-decision.js';
import { MAX_DATA } from './encode-modifications.js';
import { envelope } from './envelope.js';
import type { Flow, Mail, MilterEvent } from './flow.js';
import { FrameQueue } from './frame-queue.js';
import type { Modification } from './modification.js';
import { negotiate } from './negotiation.js';
import type { ResolvedOptions } from './options.js';
import { Output, type ConnectionIo } from './output.js';
import type { Outcome } from './outcome.js';
import { SessionState } from './session-state.js';
import { BIT, type FlowStage, type Stage } from './stage.js';
import type { Tags } from './tags.js';
import { Scope, TURN, Turn, type TurnOwner, type Turned } from './turn.js';
import { UnansweredError } from './unanswered-error.js';

/** Where the events of a connection go. */
export interface Receiver {
  next(flow: Flow): void;
  complete(): void;
}

/** Who has opened a connection and wants to know of it. */
export interface ConnectionOwner {
  /** Whether every answer is wanted as an outcome, or only what went wrong. */
  readonly watched: boolean;
  outcome(outcome: Outcome): void;
  /** The connection is over; called once. */
  ended(): void;
}

const NONE: readonly Modification[] = Object.freeze([]);
const NOTHING = Buffer.alloc(0);
const EOM = COMMANDS.eom.letter.charCodeAt(0);
const BODY = COMMANDS.body.letter.charCodeAt(0);
const UNKNOWN_SENDER: StringsFields = { address: '', args: [], raw: NOTHING };
/** An MTA in lock-step has a few hundred bytes under way while it waits; beyond this it is not read any further. */
const MAX_QUEUED = 262_144;
const STOPPING = tempfail({
  code: 421,
  enhanced: '4.3.2',
  text: 'Service is shutting down, try again later',
});

/**
 * One connection of an MTA: takes its bytes, keeps the state that the protocol has, emits its events one at a time to
 * the filter, and has the answers written.
 *
 * Frames are taken in order. While an event waits for its answer what comes after it is kept, but for ABORT, QUIT and
 * the end of the connection: these cancel it.
 */
export class Connection implements FrameHandler, DeskOwner, TurnOwner {
  readonly failure: Decision;
  info = new SessionState();
  readonly #io: ConnectionIo;
  readonly #options: ResolvedOptions;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #output: Output;
  readonly #desk: AnswerDesk;
  readonly #queue = new FrameQueue();
  #receiver: Receiver | undefined;
  #tags: Tags | undefined;
  #phase: 'new' | 'open' | 'over' = 'new';
  /** Above 0 while frames are being handled: what is to be written is then written at the end. */
  #inside = 0;
  #paused = false;
  /** Sets of stages; see `Agreement`. */
  #wanted = 0;
  #decides = 0;
  #quiet = 0;
  #canSkip = false;
  #message: Scope | undefined;
  #mail: Mail | undefined;
  /** The letter of the macro frame that has just come, for the event that it belongs to. */
  #fresh = '';
  /** No more of this message's body is to reach the filter. */
  #skipping = false;
  /** What was decided on a part of the body frame in progress. */
  #early: Decision | undefined;
  #draining = false;
  /** The message in progress began after the server was told to stop. */
  #refusing = false;
  #linger: NodeJS.Timeout | undefined;
  /** Milliseconds without bytes from the MTA, and with a begun frame or an untaken reply; see `tick()`. */
  #silence = 0;
  #stuck = 0;

  constructor(io: ConnectionIo, options: ResolvedOptions, owner: ConnectionOwner) {
    this.failure = options.failure;
    this.#io = io;
    this.#options = options;
    this.#owner = owner;
    this.#reader = new FrameReader(this, commandCodec.known, MAX_DATA, COMMANDS.body.letter);
    this.#output = new Output(io);
    this.#desk = new AnswerDesk(this, this.#output, options);
  }

  get canSkip(): boolean {
    return this.#canSkip;
  }

  get watched(): boolean {
    return this.#owner.watched;
  }

  /** Begins: events go to `receiver` from here on. An MTA that was faster has been waiting. */
  attach(receiver: Receiver, tags: Tags): void {
    this.#receiver = receiver;
    this.#tags = tags;
    this.#enter(() => {
      this.#catchUp();
    });
  }

  /** Takes bytes from the MTA. */
  receive(chunk: Buffer): void {
    this.#silence = 0;
    if (this.#phase === 'over') return;
    this.#enter(() => {
      this.#reader.push(chunk);
    });
    if (this.#draining) this.#lingerOn();
  }

  /** The MTA has closed its end, or the connection is lost. */
  eof(error?: Error): void {
    if (this.#phase === 'over') return;
    let failure = error;
    try {
      this.#reader.end();
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
    this.#output.drained();
    this.#adjustReading();
  }

  /** Starts a graceful end: the message in progress is finished, new ones are put off with a 421. */
  drain(): void {
    this.#draining = true;
    this.#lingerOn();
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

  /** The pipeline ended before the connection did, with an error or without. What is pending gets the failure decision. */
  abandon(error: Error): void {
    if (this.#phase === 'over') return;
    this.#receiver = undefined;
    this.#queue.clear();
    this.#enter(() => {
      if (!this.#desk.fail(error)) this.report('close', error);
      this.#finish();
    });
  }

  /** Called now and then with the milliseconds since the last call: ends what has hung too long. */
  tick(elapsed: number): void {
    const { negotiate: opening, frame, idle } = this.#options.timeouts;
    const hangs = this.#phase === 'new' || this.#output.blocked || this.#reader.midFrame;
    this.#silence += elapsed;
    this.#stuck = hangs ? this.#stuck + elapsed : 0;
    if (this.#phase === 'new' && this.#stuck > opening) {
      this.#breakDown(new Error(`No negotiation within ${opening} ms; the connection is closed.`));
    } else if (this.#phase === 'open' && this.#stuck > frame) {
      const what = this.#output.blocked ? 'did not take its reply' : 'began a frame and did not end it';
      this.#breakDown(new Error(`The MTA ${what} within ${frame} ms; the connection is closed.`));
    } else if (this.#silence > idle && this.#desk.pending === undefined) {
      this.#breakDown(new Error(`The MTA was silent for ${idle} ms; the connection is closed.`));
    }
  }

  /** See `TurnOwner`. */
  report(stage: FlowStage | 'negotiate', error: Error): void {
    this.outcome({ session: this.info, stage, decision: undefined, modifications: NONE, elapsed: 0, error });
  }

  outcome(outcome: Outcome): void {
    this.#owner.outcome(outcome);
  }

  /** See `DeskOwner`. */
  settled(turn: Turn, decision: Decision): void {
    if (turn.mode === 'part') {
      if (decision.kind !== 'proceed') this.#early = decision;
    } else {
      this.#apply(turn.stage, decision);
    }
    if (this.#inside > 0) return;
    this.#enter(() => {
      this.#catchUp();
    });
    if (this.#draining) this.#lingerOn();
  }

  /** See `FrameHandler`. */
  frame(letter: number, data: Buffer, start: number, end: number, offset: number): void {
    if (this.#mustWait(letter)) {
      this.#queue.push({ letter, data, start, end, offset, last: true });
      this.#adjustReading();
    } else {
      this.#handle(letter, data, start, end, offset, true);
    }
  }

  /** See `FrameHandler`. */
  part(data: Buffer, start: number, end: number, last: boolean): void {
    if (this.#mustWait(BODY)) {
      this.#queue.push({ letter: BODY, data, start, end, offset: 0, last });
      this.#adjustReading();
    } else {
      this.#handle(BODY, data, start, end, 0, last);
    }
  }

  #mustWait(letter: number): boolean {
    if (this.#desk.pending === undefined && this.#queue.length === 0 && this.#receiver !== undefined)
      return false;
    const name = String.fromCharCode(letter);
    if (this.#receiver === undefined || (name !== 'A' && name !== 'Q' && name !== 'K')) return true;
    // The MTA does not wait for what came before any more.
    this.#desk.cancel();
    this.#queue.clear();
    return false;
  }

  /** Runs what handles frames, and writes at its end all that it had to say. */
  #enter(run: () => void): void {
    this.#inside++;
    try {
      run();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#breakDown(error);
    } finally {
      this.#inside--;
      if (this.#inside === 0) {
        this.#output.flush();
        this.#adjustReading();
      }
    }
  }

  /** Handles what had to wait, until something has to wait again. */
  #catchUp(): void {
    while (this.#desk.pending === undefined && this.#phase !== 'over') {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#handle(next.letter, next.data, next.start, next.end, next.offset, next.last);
    }
  }

  #adjustReading(): void {
    const stop = this.#output.blocked || this.#queue.bytes > MAX_QUEUED;
    if (stop === this.#paused || this.#phase === 'over') return;
    this.#paused = stop;
    if (stop) this.#io.pause();
    else this.#io.resume();
  }

  #handle(letter: number, data: Buffer, start: number, end: number, offset: number, last: boolean): void {
    if (this.#phase === 'over') return;
    const name = String.fromCharCode(letter);
    if ((name === 'O') !== (this.#phase === 'new')) {
      const reason = name === 'O' ? 'the negotiation is over' : 'it came before the negotiation';
      throw new ProtocolError(reason, name, offset);
    }
    try {
      this.#dispatch(name, data, start, end, last);
    } catch (error) {
      if (error instanceof Malformed) throw new ProtocolError(error.message, name, offset);
      throw error;
    }
  }

  #dispatch(name: string, data: Buffer, start: number, end: number, last: boolean): void {
    switch (name) {
      case 'D':
        this.info.macros.store(data, start, end);
        this.#fresh = end > start ? String.fromCharCode(data[start] ?? 0) : '';
        return;
      case 'L':
        return this.#onHeader(data, start, end);
      case 'B':
        return this.#onBody(data, start, end, last);
      case 'R':
        return this.#onRcpt(strings.decode(data, start, end));
      case 'M':
        return this.#onMail(strings.decode(data, start, end));
      case 'T':
        none.decode(data, start, end);
        return this.#onMark('data', 'T');
      case 'N':
        none.decode(data, start, end);
        return this.#onMark('eoh', 'N');
      case 'E':
        return this.#onEom(data, start, end);
      case 'A':
        none.decode(data, start, end);
        return this.#abort();
      case 'C':
        return this.#onConnect(data, start, end);
      case 'H':
        return this.#onHelo(data, start, end);
      case 'U':
        return this.#onUnknown(data, start, end);
      case 'Q':
        return this.#finish();
      case 'K':
        return this.#startOver();
      default:
        this.#onOptneg(data, start, end);
    }
  }

  #onOptneg(data: Buffer, start: number, end: number): void {
    const offer = optnegLayout.decode(data, start, end);
    if (this.#tags === undefined) return;
    try {
      const agreement = negotiate(offer, this.#tags, this.#options);
      this.info.version = agreement.version;
      this.info.actions = agreement.actions;
      this.#wanted = agreement.wanted;
      this.#decides = agreement.decides;
      this.#quiet = agreement.quiet;
      this.#canSkip = agreement.canSkip;
      this.#output.put(replyCodec.encode({ type: 'optneg', ...agreement.answer }));
      this.#phase = 'open';
      this.#stuck = 0;
    } catch (error) {
      this.report('negotiate', error instanceof Error ? error : new Error(String(error)));
      this.#finish();
    }
  }

  #onConnect(data: Buffer, start: number, end: number): void {
    const { host, family, port, address, raw = NOTHING } = connectLayout.decode(data, start, end);
    this.#abort();
    this.#scopeMacros('C');
    this.info.client = { host, family, port, address };
    const turn = this.#take('connect');
    if (turn === undefined) return;
    this.#present(
      { stage: 'connect', session: this.info, host, family, port, address, raw, [TURN]: turn },
      turn,
    );
  }

  #onHelo(data: Buffer, start: number, end: number): void {
    const { text, raw = NOTHING } = string.decode(data, start, end);
    this.#abort();
    this.#scopeMacros('H');
    this.info.helo = text;
    const turn = this.#take('helo');
    if (turn === undefined) return;
    this.#present({ stage: 'helo', session: this.info, name: text, raw, [TURN]: turn }, turn);
  }

  #onMail(fields: StringsFields): void {
    const fresh = this.#fresh;
    this.#abort();
    this.#fresh = fresh;
    this.#scopeMacros('M');
    this.#begin();
    const turn = this.#take('mail');
    if (turn !== undefined) {
      const mail = { stage: 'mail', session: this.info, ...envelope(fields), [TURN]: turn } as const;
      this.#mail = mail;
      this.#present(mail, turn);
    } else if ((this.#wanted & BIT.rcpt) !== 0) {
      this.#mail = { stage: 'mail', session: this.info, ...envelope(fields) };
    }
  }

  #onRcpt(fields: StringsFields): void {
    this.#begin();
    this.#scopeMacros('R');
    const turn = this.#take('rcpt');
    if (turn === undefined) return;
    // Without a MAIL the protocol is at odds, but the event has to be answered all the same.
    const mail = (this.#mail ??= { stage: 'mail', session: this.info, ...envelope(UNKNOWN_SENDER) });
    this.#present({ stage: 'rcpt', session: this.info, ...envelope(fields), mail, [TURN]: turn }, turn);
  }

  #onMark(stage: 'data' | 'eoh', letter: string): void {
    this.#begin();
    this.#scopeMacros(letter);
    const turn = this.#take(stage);
    if (turn !== undefined) this.#present({ stage, session: this.info, [TURN]: turn }, turn);
  }

  #onHeader(data: Buffer, start: number, end: number): void {
    const { name, value, raw = NOTHING } = pair.decode(data, start, end);
    this.#begin();
    const turn = this.#take('header');
    if (turn !== undefined) {
      this.#present({ stage: 'header', session: this.info, name, value, raw, [TURN]: turn }, turn);
    }
  }

  /** A part of a body frame; the frame is answered at its last one. */
  #onBody(data: Buffer, start: number, end: number, last: boolean): void {
    this.#begin();
    const early = this.#early;
    if (early !== undefined || this.#skipping) {
      if (!last) return;
      this.#early = undefined;
      if ((this.#quiet & BIT.body) !== 0) return;
      this.#output.put(early === undefined ? CONTINUE : this.#desk.encode(early));
      if (early !== undefined) this.#apply('body', early);
      return;
    }
    if (start === end && !last) return;
    const turn = this.#take('body', last);
    if (turn === undefined) return;
    const chunk = bytesLayout.decode(data, start, end).data;
    this.#present({ stage: 'body', session: this.info, chunk, [TURN]: turn }, turn, last);
  }

  #onEom(data: Buffer, start: number, end: number): void {
    this.#begin();
    this.#scopeMacros('E');
    if (end > start) {
      // A last chunk within the end of the message: it is body, but has no answer of its own.
      this.#onBody(data, start, end, false);
      if (this.#desk.pending !== undefined) {
        this.#queue.unshift({ letter: EOM, data: NOTHING, start: 0, end: 0, offset: 0, last: true });
        return;
      }
    }
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined && early.kind !== 'skip') {
      this.#output.put(encodeDecision(early));
      this.#apply('eom', early);
      return;
    }
    const turn = this.#take('eom');
    if (turn !== undefined) {
      this.#present({ stage: 'eom', session: this.info, modifications: NONE, [TURN]: turn }, turn);
    }
    if (turn === undefined || turn.mode === 'silent') this.#endMessage();
  }

  #onUnknown(data: Buffer, start: number, end: number): void {
    const { text, raw = NOTHING } = string.decode(data, start, end);
    const turn = this.#take('unknown');
    if (turn !== undefined) {
      this.#present({ stage: 'unknown', session: this.info, command: text, raw, [TURN]: turn }, turn);
    }
  }

  #scopeMacros(letter: string): void {
    this.info.macros.beginEvent(letter, this.#fresh === letter);
    this.#fresh = '';
  }

  #begin(): void {
    if (this.#message !== undefined) return;
    this.#message = new Scope();
    this.#refusing = this.#draining;
  }

  /** The turn of an event that is to reach the filter. Where it is not to, its answer is given here. */
  #take(stage: Stage, last = true): Turn | undefined {
    const bit = BIT[stage];
    const quiet = (this.#quiet & bit) !== 0;
    if (this.#refusing && this.#message !== undefined && stage !== 'unknown') {
      if (quiet || !last) return undefined;
      this.#output.put(encodeDecision(STOPPING));
      if (stage !== 'eom') this.#apply(stage, STOPPING);
      return undefined;
    }
    if ((this.#wanted & bit) === 0) {
      if (!quiet && last) this.#output.put(CONTINUE);
      return undefined;
    }
    const mode = quiet || (this.#decides & bit) === 0 ? 'silent' : last ? 'reply' : 'part';
    const since = this.#owner.watched ? performance.now() : 0;
    return new Turn(
      this,
      stage,
      mode,
      stage === 'connect' || stage === 'helo' ? undefined : this.#message,
      since,
    );
  }

  #present(event: MilterEvent & Turned, turn: Turn, last = true): void {
    if (turn.mode === 'silent') {
      this.#receiver?.next(event);
      turn.end();
      if (last && (this.#quiet & BIT[turn.stage]) === 0) this.#output.put(CONTINUE);
      return;
    }
    this.#desk.open(turn);
    this.#receiver?.next(event);
    if (this.#desk.pending === turn) this.#desk.wait(turn);
  }

  /** What a decision means for the state, once it is said. */
  #apply(stage: FlowStage, decision: Decision): void {
    if (stage === 'eom') return this.#endMessage();
    if (decision.kind === 'proceed' || stage === 'connect' || stage === 'helo' || stage === 'unknown') return;
    if (decision.kind === 'skip') {
      this.#skipping = true;
      return;
    }
    // A refused recipient is only one of several, and after a refused DATA both MTAs may go on with RCPT and DATA.
    const refusal = decision.kind === 'reject' || decision.kind === 'tempfail';
    if (refusal && (stage === 'rcpt' || stage === 'data')) return;
    this.#endMessage();
  }

  #endMessage(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    this.#mail = undefined;
    this.#skipping = false;
    this.#early = undefined;
    this.#refusing = false;
    this.info.macros.endMessage(this.#fresh === 'M');
    message.end();
  }

  /** The message in progress, where there is one, is over without its end. */
  #abort(): void {
    this.#desk.cancel();
    const message = this.#message;
    if (message === undefined) return;
    this.#receiver?.next({ stage: 'abort', session: this.info, ...this.#mute('abort') });
    this.#endMessage();
  }

  #mute(stage: 'abort' | 'close'): object {
    return { [TURN]: new Turn(this, stage, 'silent', this.#message, 0) };
  }

  /** QUIT_NC: the SMTP connection is over, and another one begins on the same socket and terms. */
  #startOver(): void {
    this.#abort();
    this.#receiver?.next({ stage: 'close', session: this.info, ...this.#mute('close') });
    const { version, actions } = this.info;
    this.info = new SessionState();
    this.info.version = version;
    this.info.actions = actions;
  }

  #finish(): void {
    if (this.#phase === 'over') return;
    const receiver = this.#receiver;
    this.#queue.clear();
    if (this.#phase === 'open') {
      this.#abort();
      receiver?.next({ stage: 'close', session: this.info, ...this.#mute('close') });
    }
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
    clearTimeout(this.#linger);
    this.#desk.cancel();
    this.#queue.clear();
    this.#endMessage();
    return true;
  }

  #breakDown(error: Error): void {
    if (this.#phase === 'over') return;
    this.report('close', error);
    this.#finish();
  }

  /** While stopping, a connection between messages is given up once nothing was heard of it for a while. */
  #lingerOn(): void {
    clearTimeout(this.#linger);
    if (this.#phase === 'over' || this.#message !== undefined || this.#desk.pending !== undefined) return;
    this.#linger = setTimeout(() => {
      this.#finish();
    }, this.#options.timeouts.linger);
  }
}
