import { SocketAddress } from 'node:net';

import { connect as connectLayout, hasPrefix } from '../transport/layouts/connect.js';
import { none } from '../transport/layouts/none.js';
import { string } from '../transport/layouts/string.js';
import type { Agreement } from './agreement.js';
import type { AnswerDesk } from './answer-desk.js';
import type { Decision } from './decision.js';
import { EventGate, type GateHost } from './event-gate.js';
import { MessageDialogue, type MessageHost } from './message-dialogue.js';
import type { Output } from './output.js';
import { SessionState } from './session-state.js';
import type { FlowStage } from './stage.js';
import { TURN } from './turn.js';

const NOTHING = Buffer.alloc(0);

/** Whose dialogue it is. */
export interface DialogueHost extends GateHost {
  /** Whether messages that begin now are to be put off. */
  readonly draining: boolean;
  /** The end of a message waits for its last chunk: comes again, without data, once that is answered. */
  postponeEom(): void;
}

/**
 * What the protocol has between negotiation and QUIT: makes events of commands, knows which message is in progress and
 * which macros are in scope, and what each answer means for that.
 */
export class Dialogue implements MessageHost {
  info = new SessionState();
  readonly #host: DialogueHost;
  readonly #gate: EventGate;
  readonly #messages: MessageDialogue;
  /** The letter of the macro frame that has just come, for the event that it belongs to. */
  #fresh = '';

  constructor(host: DialogueHost, output: Output, desk: AnswerDesk) {
    this.#host = host;
    this.#gate = new EventGate(host, output, desk);
    this.#messages = new MessageDialogue(this, output, desk, this.#gate);
  }

  /** Whether a message is in progress. */
  get inMessage(): boolean {
    return this.#messages.current !== undefined;
  }

  /** The terms are settled; the dialogue begins. */
  open(agreement: Agreement): void {
    this.info.agreement = agreement;
    this.#gate.open(agreement);
  }

  /** Takes a command by its letter. `last` is false for a part of a body frame that is not its last. */
  handle(letter: string, data: Buffer, start: number, end: number, last: boolean): void {
    switch (letter) {
      case 'D':
        return this.#onMacro(data, start, end);
      case 'A':
        none.decode(data, start, end);
        this.#messages.abort();
        // Where all of its events are switched off, a message is known by its macros alone.
        return this.info.macros.endMessage(false);
      case 'C':
        return this.#onConnect(data, start, end);
      case 'H':
        return this.#onHelo(data, start, end);
      case 'U':
        return this.#onUnknown(data, start, end);
      case 'K':
        none.decode(data, start, end);
        return this.#startOver();
      default:
        this.#messages.handle(letter, data, start, end, last);
    }
  }

  /** What a decision means, once it is said. */
  apply(stage: FlowStage, decision: Decision): void {
    this.#messages.apply(stage, decision);
  }

  /** A part of a body frame was answered; see `MessageDialogue`. */
  applyEarly(decision: Decision): void {
    this.#messages.applyEarly(decision);
  }

  /** The message in progress, where there is one, is over; what lived with it ends. */
  endMessage(): void {
    this.#messages.endMessage();
  }

  /** The SMTP connection is over. */
  close(): void {
    this.#messages.abort();
    this.#gate.tell('close', this.info, undefined);
  }

  #onMacro(data: Buffer, start: number, end: number): void {
    this.info.macros.store(data, start, end);
    this.#fresh = String.fromCharCode(data[start] ?? 0);
  }

  #onConnect(data: Buffer, start: number, end: number): void {
    const { host, family, port, address: given, raw = NOTHING } = connectLayout.decode(data, start, end);
    // Sendmail writes all the zeros of an IPv6 address, or some, as it was built; a zone would get lost.
    const long = family === 'inet6' && !given.includes('%');
    const address = long ? new SocketAddress({ address: given, family: 'ipv6' }).address : given;
    this.#messages.abort();
    this.scopeMacros('C');
    this.info.client = { host, family, port, address };
    this.info.prefixed = family === 'inet6' && hasPrefix(data, start, end);
    const turn = this.#gate.take('connect', undefined, true);
    if (turn === undefined) return;
    this.#gate.present(
      { stage: 'connect', session: this.info, host, family, port, address, raw, [TURN]: turn },
      turn,
      true,
    );
  }

  #onHelo(data: Buffer, start: number, end: number): void {
    const { text, raw = NOTHING } = string.decode(data, start, end);
    this.#messages.abort();
    this.scopeMacros('H');
    this.info.helo = text;
    const turn = this.#gate.take('helo', undefined, true);
    if (turn === undefined) return;
    this.#gate.present({ stage: 'helo', session: this.info, name: text, raw, [TURN]: turn }, turn, true);
  }

  #onUnknown(data: Buffer, start: number, end: number): void {
    const { text, raw = NOTHING } = string.decode(data, start, end);
    const turn = this.#gate.take('unknown', this.#messages.current, true);
    if (turn === undefined) return;
    this.#gate.present(
      { stage: 'unknown', session: this.info, command: text, raw, [TURN]: turn },
      turn,
      true,
    );
  }

  /** QUIT_NC: the SMTP connection is over, and another one begins on the same socket and terms. */
  #startOver(): void {
    this.close();
    const { agreement } = this.info;
    this.info = new SessionState();
    this.info.agreement = agreement;
  }

  /** See `MessageHost`. */
  get draining(): boolean {
    return this.#host.draining;
  }

  /** See `MessageHost`. */
  postponeEom(): void {
    // When it comes again its macros are still its own.
    this.#fresh = 'E';
    this.#host.postponeEom();
  }

  /** See `MessageHost`. */
  scopeMacros(letter: string): void {
    this.info.macros.beginEvent(letter, this.#fresh === letter);
    this.#fresh = '';
  }

  /** See `MessageHost`. Those of a MAIL that has just come are the next message's. */
  endMacros(): void {
    this.info.macros.endMessage(this.#fresh === 'M');
  }
}
