import { SMFIP } from '../transport/smfip.js';
import { none } from '../transport/layouts/none.js';
import { pair } from '../transport/layouts/pair.js';
import { strings, type StringsFields } from '../transport/layouts/strings.js';
import type { AnswerDesk } from './answer-desk.js';
import type { Decision } from './decision.js';
import { CONTINUE, encodeDecision } from './encode-decision.js';
import { envelope } from './envelope.js';
import { STOPPING, type EventGate } from './event-gate.js';
import type { Mail, MilterEvent } from './flow.js';
import { headerEvent } from './header-event.js';
import type { Modification } from './modification.js';
import type { Output } from './output.js';
import { rcptEvent } from './rcpt-event.js';
import { reachOf } from './reach.js';
import type { SessionState } from './session-state.js';
import type { FlowStage, Stage } from './stage.js';
import { Scope, TURN, type Turn, type Turned } from './turn.js';

const NONE: readonly Modification[] = Object.freeze([]);
const NOTHING = Buffer.alloc(0);
const UNKNOWN_SENDER: StringsFields = { address: '', args: [], raw: NOTHING };

/** The SMTP connection that the messages come by. */
export interface MessageHost {
  /** Whether messages that begin now are to be put off. */
  readonly draining: boolean;
  readonly info: SessionState;
  /** The event of that letter begins: macros of later stages end. */
  scopeMacros(letter: string): void;
  /** The message is over: so are its macros. */
  endMacros(): void;
  /** The end of a message waits for its last chunk, and comes again, without data, once that is answered. */
  postponeEom(): void;
}

/**
 * The part of the dialogue that is about messages, MAIL to the end of the message: knows which one is in progress, and
 * what each answer means for it.
 */
export class MessageDialogue {
  readonly #host: MessageHost;
  readonly #output: Output;
  readonly #desk: AnswerDesk;
  readonly #gate: EventGate;
  #message: Scope | undefined;
  #mail: Mail | undefined;
  /** No more of this message's body is to reach the filter. */
  #skipping = false;
  /** What was decided on a part of the body frame in progress. */
  #early: Decision | undefined;
  /** The message in progress began after the server was told to stop. */
  #refusing = false;
  /** The filter has accepted a message before its end, and is done with it, also where the MTA goes on with it. */
  #accepted = false;

  constructor(host: MessageHost, output: Output, desk: AnswerDesk, gate: EventGate) {
    this.#host = host;
    this.#output = output;
    this.#desk = desk;
    this.#gate = gate;
  }

  /** The message in progress, where there is one. */
  get current(): Scope | undefined {
    return this.#message;
  }

  /** Takes a command by its letter. `last` is false for a part of a body frame that is not its last. */
  handle(letter: string, data: Buffer, start: number, end: number, last: boolean): void {
    switch (letter) {
      case 'L':
        return this.#onHeader(data, start, end);
      case 'B':
        return this.#onBody(data, start, end, last);
      case 'R':
        return this.#onRcpt(strings.decode(data, start, end));
      case 'M':
        return this.#onMail(strings.decode(data, start, end));
      case 'T':
        return this.#onMark('data', letter, data, start, end);
      case 'N':
        return this.#onMark('eoh', letter, data, start, end);
      case 'E':
        return this.#onEom(data, start, end);
    }
  }

  /** What a decision means, once it is said. */
  apply(stage: FlowStage, decision: Decision): void {
    const reach = reachOf(stage, decision);
    if (reach === 'body') this.#skipping = true;
    if (reach !== 'message') return;
    this.endMessage();
    // An MTA that is not to send MAIL does not show where the next message begins: it must not pass with this one.
    const begins = (this.#host.info.agreement.protocol & SMFIP.NOMAIL) === 0;
    this.#accepted = stage !== 'eom' && decision.kind === 'accept' && begins;
  }

  /** A part of a body frame was answered: what counts is said with the frame's last part. */
  applyEarly(decision: Decision): void {
    if (decision.kind !== 'proceed') this.#early = decision;
  }

  /** The message in progress, where there is one, is over without its end. */
  abort(): void {
    this.#accepted = false;
    this.#desk.cancel();
    const message = this.#message;
    if (message === undefined) return;
    this.#gate.tell('abort', this.#host.info, message);
    this.endMessage();
  }

  /** The message in progress, where there is one, is over; what lived with it ends. */
  endMessage(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    this.#mail = undefined;
    this.#skipping = false;
    this.#early = undefined;
    this.#refusing = false;
    this.#host.info.envelope = undefined;
    this.#host.info.shownHeaders = undefined;
    this.#host.endMacros();
    this.#output.tally.end();
    message.end();
  }

  #onMail(fields: StringsFields): void {
    this.abort();
    this.#host.scopeMacros('M');
    this.#begin();
    this.#host.info.envelope = { sender: fields.address, recipient: undefined };
    const turn = this.#take('mail');
    if (turn !== undefined) {
      const { address, args, params, raw } = envelope(fields);
      const mail = {
        stage: 'mail',
        session: this.#host.info,
        address,
        args,
        params,
        raw,
        [TURN]: turn,
      } as const;
      this.#mail = mail;
      this.#present(mail, turn);
    } else if (this.#gate.wants('rcpt')) {
      this.#mail = { stage: 'mail', session: this.#host.info, ...envelope(fields) };
    }
  }

  #onRcpt(fields: StringsFields): void {
    this.#begin();
    this.#host.scopeMacros('R');
    const { info } = this.#host;
    info.envelope = { sender: info.envelope?.sender, recipient: fields.address };
    const turn = this.#take('rcpt');
    if (turn === undefined) return;
    // Without a MAIL the protocol is at odds, but the event has to be answered all the same.
    const mail = (this.#mail ??= { stage: 'mail', session: this.#host.info, ...envelope(UNKNOWN_SENDER) });
    this.#present(rcptEvent(this.#host.info, fields, mail, turn), turn);
  }

  #onMark(stage: 'data' | 'eoh', letter: string, data: Buffer, start: number, end: number): void {
    none.decode(data, start, end);
    this.#begin();
    this.#host.scopeMacros(letter);
    const turn = this.#take(stage);
    if (turn !== undefined) this.#present({ stage, session: this.#host.info, [TURN]: turn }, turn);
  }

  #onHeader(data: Buffer, start: number, end: number): void {
    const fields = pair.decode(data, start, end);
    this.#begin();
    const { info } = this.#host;
    info.macros.endRecipients();
    if (this.#message !== undefined) (info.shownHeaders ??= []).push(fields.name);
    const turn = this.#take('header');
    if (turn !== undefined) this.#present(headerEvent(this.#host.info, fields, turn), turn);
  }

  /** A part of a body frame; the frame is answered at its last one. */
  #onBody(data: Buffer, start: number, end: number, last: boolean): void {
    this.#begin();
    this.#host.info.macros.endRecipients();
    const early = this.#early;
    if (early !== undefined || this.#skipping) {
      if (last) this.#endFrame(early);
      return;
    }
    if (start === end && !last) return;
    const turn = this.#take('body', last);
    if (turn === undefined) return;
    const chunk = data.subarray(start, end);
    this.#present({ stage: 'body', session: this.#host.info, chunk, [TURN]: turn }, turn, last);
  }

  /** Answers a body frame whose last part no longer reaches the filter. */
  #endFrame(early: Decision | undefined): void {
    this.#early = undefined;
    this.#desk.frameOver();
    if (this.#gate.isQuiet('body')) return;
    this.#output.answer(early === undefined ? CONTINUE : this.#desk.encode(early));
    if (early !== undefined) this.apply('body', early);
  }

  #onEom(data: Buffer, start: number, end: number): void {
    this.#begin();
    this.#host.scopeMacros('E');
    if (end > start) {
      // A last chunk within the end of the message: it is body, but has no answer of its own.
      this.#onBody(data, start, end, false);
      if (this.#desk.pending !== undefined) {
        this.#host.postponeEom();
        return;
      }
    }
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined && early.kind !== 'skip') {
      this.#output.answer(encodeDecision(early));
      this.endMessage();
      return;
    }
    const turn = this.#take('eom');
    if (turn !== undefined) {
      this.#present({ stage: 'eom', session: this.#host.info, modifications: NONE, [TURN]: turn }, turn);
    }
    if (turn === undefined || turn.mode === 'silent') this.endMessage();
  }

  #begin(): void {
    if (this.#message !== undefined || this.#accepted) return;
    this.#message = new Scope();
    this.#output.tally.begin();
    this.#refusing = this.#host.draining;
  }

  /** The turn of an event that is to reach the filter; see `EventGate.take`. */
  #take(stage: Stage, last = true): Turn | undefined {
    if (this.#accepted) {
      if (stage === 'eom') this.#accepted = false;
      if (last && !this.#gate.isQuiet(stage)) this.#output.answer(CONTINUE);
      return undefined;
    }
    if (!this.#refusing) return this.#gate.take(stage, this.#message, last);
    if (last && this.#gate.refuse(stage) && stage !== 'eom') this.apply(stage, STOPPING);
    return undefined;
  }

  #present(event: MilterEvent & Turned, turn: Turn, last = true): void {
    this.#gate.present(event, turn, last);
  }
}
