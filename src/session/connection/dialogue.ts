import { SocketAddress } from 'node:net';

import { errorFrom } from '../../common/text-of.js';
import { COMMANDS, type CommandName } from '../../transport/wire/commands.js';
import { copied } from '../../transport/wire/copied.js';
import { SMFIP } from '../../transport/wire/flags.js';
import { type StringsFields, hasPrefix } from '../../transport/wire/layouts.js';
import { scopeOf } from '../decision-scope.js';
import type { Decision } from '../decisions.js';
import { envelopePath, NO_BYTES } from '../envelope-path.js';
import type { Mail } from '../flow.js';
import type { Modification } from '../modifications.js';
import { negotiate } from '../negotiation/negotiation.js';
import { NO_TAGS, type Tags } from '../negotiation/tags.js';
import type { Agreement } from '../negotiation/terms.js';
import type { ResolvedOptions } from '../options.js';
import type { FlowStage, Stage } from '../stage.js';
import { lentEvent, MessageScope, TURN, type Turn } from '../turn.js';
import { headerEvent, rcptEvent } from './events.js';
import type { Output } from './output.js';
import { RepeatedHeader } from './repeated-header.js';
import { SessionState } from './session-state.js';
import { STOPPING, type Turns } from './turns.js';

const NAMES = Object.keys(COMMANDS) as CommandName[];
const NONE: readonly Modification[] = Object.freeze([]);
const UNKNOWN_SENDER: StringsFields = { address: '', args: [], raw: NO_BYTES };

export interface DialogueHost {
  agreed(agreement: Agreement): void;
  finish(): void;
}

/**
 * Handles the data of a command, `data[start, end)`; `last` is false for a part of a body frame that is not its last,
 * and the bytes of such a part may be `lent`.
 */
type Handler = (data: Buffer, start: number, end: number, last: boolean, lent: boolean) => void;

interface MessageState {
  readonly scope: MessageScope;
  mail: Mail | undefined;
  /** The rest of the body is not presented. */
  skipping: boolean;
  /** The decision on a part of the body frame in progress; it is said with the last part. */
  early: Decision | undefined;
  /** The end of the message came with a last chunk that is not answered yet. */
  eomDue: boolean;
  /** Cuts off the header that the body begins with, from a server that repeats it there. */
  repeated: RepeatedHeader | undefined;
  /** It began after the server was told to stop. */
  readonly refused: boolean;
}

/**
 * The commands of an MTA in order: makes events of them, and knows the message in progress, the macros in scope, and
 * what a decision ends. The method that handles a command has its name in the table `COMMANDS`.
 */
export class Dialogue implements Record<CommandName, Handler> {
  /** What the filters ask of the negotiation. */
  tags: Tags = NO_TAGS;
  negotiated = false;
  /** Whether the filters keep no piece of a body beyond its event: then lent bytes are passed on as they are. */
  lends = false;
  /** Whether messages that begin now are refused: the server stops. */
  draining = false;
  readonly #host: DialogueHost;
  readonly #turns: Turns;
  readonly #output: Output;
  readonly #options: ResolvedOptions;
  #message: MessageState | undefined;
  /** A filter has accepted a message before its end, or the whole connection, and sees no more of it. */
  #accepted: false | 'message' | 'connection' = false;
  /** The command that the latest macros belong to, until it comes. */
  #fresh = '';

  constructor(host: DialogueHost, turns: Turns, output: Output, options: ResolvedOptions) {
    this.#host = host;
    this.#turns = turns;
    this.#output = output;
    this.#options = options;
  }

  /** Whether pieces of the body are passed on as they were lent: one filter reads them, and copies what it keeps. */
  get lendsBody(): boolean {
    return this.lends && this.#turns.hasOneReader;
  }

  get inMessage(): boolean {
    return this.#message !== undefined;
  }

  optneg(data: Buffer, start: number, end: number): void {
    const offer = COMMANDS.optneg.layout.decode(data, start, end);
    try {
      const agreement = negotiate(offer, this.tags, this.#options);
      this.#turns.open(agreement);
      this.negotiated = true;
      this.#host.agreed(agreement);
      this.#output.put(agreement.answer);
    } catch (error) {
      this.#turns.report('negotiate', errorFrom(error));
      this.#host.finish();
    }
  }

  macro(data: Buffer, start: number, end: number): void {
    this.#turns.session.macros.store(data, start, end);
    this.#fresh = String.fromCharCode(data[start] ?? 0);
  }

  connect(data: Buffer, start: number, end: number): void {
    const fields = COMMANDS.connect.layout.decode(data, start, end);
    const { host, family, port, raw = NO_BYTES } = fields;
    let { address } = fields;
    // Sendmail writes all the zeros of an IPv6 address, or some, as it was built; a zone would get lost.
    if (family === 'inet6' && !address.includes('%'))
      address = new SocketAddress({ address, family: 'ipv6' }).address;
    this.#abortMessage();
    this.#accepted = false;
    this.#scopeMacros('C');
    const { session } = this.#turns;
    session.client = { host, family, port, address };
    session.prefixed = family === 'inet6' && hasPrefix(data, start, end);
    const turn = this.#turns.begin('connect', undefined, true);
    if (turn === undefined) return;
    const event = { stage: 'connect', session, host, family, port, address, raw, [TURN]: turn } as const;
    this.#turns.present(event, turn, true);
  }

  helo(data: Buffer, start: number, end: number): void {
    const { text, raw = NO_BYTES } = COMMANDS.helo.layout.decode(data, start, end);
    this.#abortMessage();
    this.#scopeMacros('H');
    const { session } = this.#turns;
    session.helo = text;
    const turn = this.#begin('helo');
    if (turn === undefined) return;
    this.#turns.present({ stage: 'helo', session, name: text, raw, [TURN]: turn }, turn, true);
  }

  mail(data: Buffer, start: number, end: number): void {
    const fields = COMMANDS.mail.layout.decode(data, start, end);
    this.#abortMessage();
    this.#scopeMacros('M');
    const message = this.#beginMessage();
    const { session } = this.#turns;
    session.envelope = { sender: fields.address, recipient: undefined };
    const turn = this.#begin('mail');
    if (turn === undefined) {
      // A recipient shows it.
      if (message !== undefined && this.#turns.wants('rcpt'))
        message.mail = { stage: 'mail', session, ...envelopePath(fields) };
      return;
    }
    const { address, local, domain, mailbox, args, params, raw } = envelopePath(fields);
    const mail = {
      stage: 'mail',
      session,
      address,
      local,
      domain,
      mailbox,
      args,
      params,
      raw,
      [TURN]: turn,
    } as const;
    if (message !== undefined) message.mail = mail;
    this.#turns.present(mail, turn, true);
  }

  rcpt(data: Buffer, start: number, end: number): void {
    const fields = COMMANDS.rcpt.layout.decode(data, start, end);
    const message = this.#beginMessage();
    this.#scopeMacros('R');
    const { session } = this.#turns;
    session.envelope = { sender: session.envelope?.sender, recipient: fields.address };
    const turn = this.#begin('rcpt');
    if (turn === undefined || message === undefined) return;
    // Without a MAIL the protocol is at odds, but the event still has to be answered.
    const mail = (message.mail ??= { stage: 'mail', session, ...envelopePath(UNKNOWN_SENDER) });
    this.#turns.present(rcptEvent(session, fields, mail, turn), turn, true);
  }

  data(data: Buffer, start: number, end: number): void {
    this.#mark('data', 'T', data, start, end);
  }

  header(data: Buffer, start: number, end: number): void {
    const fields = COMMANDS.header.layout.decode(data, start, end);
    const message = this.#beginMessage();
    const { session } = this.#turns;
    session.macros.endRecipients();
    if (message !== undefined) (session.shownHeaders ??= []).push(fields.name);
    const turn = this.#begin('header');
    if (turn !== undefined) this.#turns.present(headerEvent(session, fields, turn), turn, true);
  }

  eoh(data: Buffer, start: number, end: number): void {
    this.#mark('eoh', 'N', data, start, end);
  }

  /** A part of a body frame, which is answered at its last one. */
  body(data: Buffer, start: number, end: number, last: boolean, lent: boolean): void {
    const message = this.#beginMessage();
    const { session } = this.#turns;
    session.macros.endRecipients();
    const repeats = message !== undefined && session.profile.repeatsHeader;
    const bytes = data.subarray(start, end);
    const body = repeats ? this.#withoutHeader(message, lent ? copied(bytes) : bytes) : undefined;
    const isHeader = body?.length === 0 && end > start;
    if (message !== undefined && (message.early !== undefined || message.skipping || isHeader)) {
      if (last) this.#endFrame(message);
      return;
    }
    const turn = this.#begin('body', last);
    if (turn === undefined) return;
    const event = { stage: 'body', session, chunk: body ?? bytes, [TURN]: turn } as const;
    if (!lent || body !== undefined) this.#turns.present(event, turn, last);
    else if (this.lendsBody) this.#turns.present(lentEvent(event), turn, last);
    else this.#turns.present({ ...event, chunk: copied(bytes) }, turn, last);
  }

  eom(data: Buffer, start: number, end: number): void {
    const message = this.#beginMessage();
    this.#scopeMacros('E');
    if (end > start) {
      // A last chunk within the end of the message: it is body, but has no answer of its own.
      this.body(data, start, end, false, false);
      if (message !== undefined && this.#turns.pending !== undefined) {
        message.eomDue = true;
        return;
      }
    }
    this.#endOfMessage();
  }

  unknown(data: Buffer, start: number, end: number): void {
    const { text, raw = NO_BYTES } = COMMANDS.unknown.layout.decode(data, start, end);
    const scope = this.#message?.scope;
    const turn =
      this.#accepted === 'connection' ? this.#begin('unknown') : this.#turns.begin('unknown', scope, true);
    if (turn === undefined) return;
    const { session } = this.#turns;
    this.#turns.present({ stage: 'unknown', session, command: text, raw, [TURN]: turn }, turn, true);
  }

  abort(data: Buffer, start: number, end: number): void {
    COMMANDS.abort.layout.decode(data, start, end);
    this.#abortMessage();
    // Where all of its events are switched off, a message is known by its macros alone.
    this.#turns.session.macros.endMessage(false);
  }

  quit(data: Buffer, start: number, end: number): void {
    COMMANDS.quit.layout.decode(data, start, end);
    // A message in progress is given up, and not lost.
    this.#abortMessage();
    this.#host.finish();
  }

  /** The SMTP connection is over, and another one begins on the same socket and terms. */
  quitNc(data: Buffer, start: number, end: number): void {
    COMMANDS.quitNc.layout.decode(data, start, end);
    this.#abortMessage();
    this.#accepted = false;
    this.close();
    const { agreement } = this.#turns.session;
    this.#turns.session = new SessionState();
    this.#turns.session.agreement = agreement;
  }

  /** The MTA has its answer to a turn. */
  settled(turn: Turn, decision: Decision): void {
    if (turn.mode !== 'partial') this.#apply(turn.stage, decision);
    else if (decision.kind !== 'allow' && this.#message !== undefined) this.#message.early = decision;
  }

  /** Goes on with the end of a message that waited for its last chunk, where there is one. */
  resume(): boolean {
    const message = this.#message;
    if (message?.eomDue !== true) return false;
    message.eomDue = false;
    this.#endOfMessage();
    return true;
  }

  close(): void {
    if (this.#message !== undefined) this.#message.scope.lost = true;
    this.#abortMessage();
    this.#turns.tell('close', undefined);
  }

  /** The message in progress is over, and what lives as long as it. */
  endMessage(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#message = undefined;
    const { session } = this.#turns;
    session.envelope = undefined;
    session.shownHeaders = undefined;
    // Macros of a MAIL that have just come are the next message's.
    session.macros.endMessage(this.#fresh === 'M');
    message.scope.rounds = this.#output.rounds;
    this.#output.endMessage();
    message.scope.end();
  }

  /** The body in a part of a frame, without the header that is repeated in front of it. */
  #withoutHeader(message: MessageState, chunk: Buffer): Buffer {
    const names = this.#turns.session.shownHeaders ?? [];
    return (message.repeated ??= new RepeatedHeader(names)).cut(chunk);
  }

  #mark(stage: 'data' | 'eoh', letter: string, data: Buffer, start: number, end: number): void {
    COMMANDS[stage].layout.decode(data, start, end);
    this.#beginMessage();
    this.#scopeMacros(letter);
    const turn = this.#begin(stage);
    if (turn === undefined) return;
    this.#turns.present({ stage, session: this.#turns.session, [TURN]: turn }, turn, true);
  }

  /** Answers a body frame whose last part is not presented. */
  #endFrame(message: MessageState): void {
    const { early } = message;
    message.early = undefined;
    this.#turns.endFrame();
    this.#turns.say('body', early);
    if (early !== undefined) this.#apply('body', early);
  }

  #endOfMessage(): void {
    const early = this.#message?.early;
    if (this.#message !== undefined) this.#message.early = undefined;
    if (early !== undefined && early.kind !== 'skip') {
      this.#turns.say('eom', early);
      this.endMessage();
      return;
    }
    const { session } = this.#turns;
    const turn = this.#begin('eom');
    if (turn !== undefined)
      this.#turns.present({ stage: 'eom', session, modifications: NONE, [TURN]: turn }, turn, true);
    if (turn === undefined || turn.mode === 'silent') this.endMessage();
  }

  /** The message that a command belongs to, or begins; nothing once it was accepted. */
  #beginMessage(): MessageState | undefined {
    if (this.#message !== undefined || this.#accepted) return this.#message;
    this.#output.beginMessage();
    return (this.#message = {
      scope: new MessageScope(),
      mail: undefined,
      skipping: false,
      early: undefined,
      eomDue: false,
      repeated: undefined,
      refused: this.draining,
    });
  }

  /** Begins the turn of an event of the message; see `Turns.begin`. */
  #begin(stage: Stage, last = true): Turn | undefined {
    const message = this.#message;
    if (this.#accepted) {
      if (stage === 'eom' && this.#accepted === 'message') this.#accepted = false;
      if (last) this.#turns.say(stage);
      return undefined;
    }
    if (message?.refused !== true) return this.#turns.begin(stage, message?.scope, last);
    if (last && this.#turns.say(stage, STOPPING)) this.#apply(stage, STOPPING);
    return undefined;
  }

  #apply(stage: FlowStage, decision: Decision): void {
    const scope = scopeOf(stage, decision);
    if (scope === 'body' && this.#message !== undefined) this.#message.skipping = true;
    if (scope === 'connection' && decision.kind === 'accept') this.#accepted = 'connection';
    if (scope !== 'message') return;
    this.endMessage();
    // An MTA that is not to send MAIL does not show where the next message begins: it must not pass with this one.
    const begins = (this.#turns.session.agreement.protocol & SMFIP.NOMAIL) === 0;
    if (stage !== 'eom' && decision.kind === 'accept' && begins) this.#accepted = 'message';
  }

  #abortMessage(): void {
    if (this.#accepted === 'message') this.#accepted = false;
    this.#turns.cancel();
    if (this.#message === undefined) return;
    this.#turns.tell('abort', this.#message.scope);
    this.endMessage();
  }

  /** The event of that command begins: macros of later stages end. */
  #scopeMacros(letter: string): void {
    this.#turns.session.macros.beginEvent(letter, this.#fresh === letter);
    this.#fresh = '';
  }
}

/** The handler of each command, by its letter. */
export const HANDLERS: readonly (Handler | undefined)[] = Array.from({ length: 128 }, (_none, letter) => {
  const name = NAMES.find((each) => COMMANDS[each].letter.charCodeAt(0) === letter);
  // Called with the dialogue as its `this`.
  return name && (Dialogue.prototype as Record<CommandName, Handler>)[name];
});
