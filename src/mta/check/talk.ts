import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

import { scopeOf } from '../../session/decision-scope.js';
import { accept, allow, discard, reject, skip } from '../../session/decisions.js';
import { COMMANDS, type Command, commandCodec } from '../../transport/wire/commands.js';
import { describeMessage } from '../../transport/wire/describe-message.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { WireReply } from '../../transport/wire/replies.js';
import { type MtaAgreement, listsOf } from '../client/agreement.js';
import type { MtaEvent } from '../client/answer.js';
import type { MtaMacros } from '../client/macros.js';
import { chunksOf, commandsOf } from '../simulate/mail-commands.js';
import type { Dialogue, MailStep } from './dialogues.js';
import { agreedBy, isFinal, judgeAnswer, judgeFrame, judgeReply, readReply } from './judge.js';
import type { PlayedMail } from './mails.js';
import type { Fault } from './rules.js';
import { type RawFrame, Wire } from './wire.js';

type Stage = MtaEvent['type'];

/** The replies to one command. */
export interface Answer {
  readonly step: string;
  readonly replies: readonly WireReply[];
}

/** All that a talk needs of the check that it is a part of. */
export interface TalkHost {
  /** How long to wait for a reply at a stage, and for frames that were not asked for, in milliseconds. */
  timeout(stage: string, most?: number): number;
  readonly settle: number;
  readonly idle: number;
  /** @param noMacros whether the command at fault had an empty list of macros before it */
  fault(fault: Fault, step: string, noMacros: boolean): void;
  /** A reply that ended a turn. */
  answered(stage: Stage): void;
  /** Gets the answers to a mail that was played as a whole. */
  played(mail: PlayedMail, answers: readonly Answer[]): void;
  /** The words of other mails that were begun so far. */
  others(mail: PlayedMail | undefined): readonly string[];
}

/** A dialogue cannot go on: its fault is reported. */
export class Broken extends Error {}
/** The milter has a right not to play a dialogue. */
export class NotPlayed extends Error {}

/** The order in which the events of a mail come. */
const ORDER: readonly Stage[] = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'];
/** The events whose macros are sent even where they themselves are not wanted. */
const MACROS_ALWAYS: readonly Stage[] = ['connect', 'helo', 'mail', 'rcpt', 'data'];
const DECISIONS = { continue: allow(), accept: accept(), discard: discard(), skip: skip() } as const;
const REFUSAL = reject();
/** So many times the time-out may a milter have in all with PROGRESS: Sendmail's 5 minutes for its 10 seconds. */
const WITH_PROGRESS = 30;
/** A milter has so long to close the connection after QUIT, in milliseconds. */
const CLOSING = 1000;
/** No two messages have the same queue id. */
let queued = 0;

/** One connection in a dialogue: keeps to the rules of a mail server, and judges all that comes. */
export class Talk {
  readonly #wire: Wire;
  readonly #dialogue: Dialogue;
  readonly #host: TalkHost;
  #agreed: MtaAgreement = { version: 0, actions: 0, protocol: 0, lists: new Map() };
  #over: 'body' | 'message' | 'connection' | undefined;
  #mail: PlayedMail | undefined;
  #macros: MtaMacros = {};
  #accepted = 0;
  #silent = false;
  #noMacros = false;
  readonly #waited = new Set<string>();
  #answers: Answer[] = [];
  #step = 'optneg';

  private constructor(stream: Duplex, dialogue: Dialogue, host: TalkHost) {
    this.#wire = new Wire(stream, dialogue.manner.cut, host.settle / 10);
    this.#dialogue = dialogue;
    this.#host = host;
  }

  /** Negotiates. */
  static async open(stream: Duplex, dialogue: Dialogue, host: TalkHost): Promise<Talk> {
    const talk = new Talk(stream, dialogue, host);
    try {
      await talk.#negotiate();
      return talk;
    } catch (error) {
      talk.destroy();
      throw error;
    }
  }

  async #negotiate(): Promise<void> {
    const { manner, invented } = this.#dialogue;
    const { offer, profile } = manner;
    await this.#wire.write([commandCodec.encode({ type: 'optneg', ...offer, lists: [] })]);
    const heard = await this.#wire.next(this.#host.timeout('optneg'));
    if ('rule' in heard) {
      if (heard.rule !== 'closed') this.#break(heard);
      if (invented === true) throw new NotPlayed();
      const usual = offer.version === 6 && offer.actions === 0x1ff && offer.protocol !== 0;
      return this.#break({
        rule: usual ? 'no-agreement' : 'offer-refused',
        what: `The milter closed the connection at the offer of ${describeMessage({ type: 'optneg', ...offer, lists: [] }).slice(7)}.`,
      });
    }
    const answer = readReply(heard);
    if ('rule' in answer) this.#break({ rule: 'no-agreement', what: answer.what });
    if (answer.type !== 'optneg') {
      this.#break({ rule: 'no-agreement', what: `It answered the offer with ${answer.type}.` });
    }
    const faults = judgeAnswer(offer, answer);
    // Nothing follows where the mail server does what the answer says, or where there is no such server.
    const minor = profile.obeys || invented === true;
    for (const fault of faults) this.#fault({ ...fault, minor });
    if (!profile.obeys && faults.some(({ rule }) => rule !== 'answer-lists')) throw new Broken();
    this.#agreed = {
      ...agreedBy(profile.obeys ? { ...offer, protocol: -1 } : offer, answer),
      lists: listsOf(offer, answer),
    };
    await this.#surplus('optneg');
  }

  /** Tells an event with its macros, and hears the reply where there is one to come. */
  async ask(event: MtaEvent, pending = false, macros: MtaMacros = {}): Promise<void> {
    const { type } = event;
    if (type === 'helo') this.#begin(undefined);
    const plan = this.#plan(type);
    if (plan === 'nothing') return;
    await this.#surplus();
    const { manner } = this.#dialogue;
    const values = { ...MACROS, '{daemon_name}': manner.daemon, ...macros, ...addressMacro(event) };
    const list = manner.macros(type, values, this.#agreed.lists);
    this.#noMacros = list?.length === 0;
    if (list !== undefined) {
      this.#step = `the macros for ${type}`;
      await this.#write({ type: 'macro', target: COMMANDS[type].letter, macros: list });
      await this.#surplus(`macros ${type}`);
    }
    if (plan === 'macros') return;
    this.#step = describeMessage(event).slice(0, 60);
    this.#silent = plan === 'tell';
    await this.#write(this.#leadspc(event));
    if (pending) await this.#wire.flush(this.#host.timeout(type));
    else if (plan === 'ask') await this.#turn(type);
    else await this.#surplus(type);
  }

  /** A mail, or a part of it. */
  async mail({ mail, from = 'mail', to = 'eom', chunk, pending = false }: MailStep): Promise<void> {
    if (from === 'mail') {
      this.#begin(mail);
      this.#macros = { ...mail.macros, i: `${mail.macros?.i ?? '4Jx'}${++queued}` };
    }
    const events = this.#eventsOf(mail, chunk).filter(
      ({ type }) => ORDER.indexOf(type) >= ORDER.indexOf(from) && ORDER.indexOf(type) <= ORDER.indexOf(to),
    );
    for (const event of events) {
      if (event.type === 'data' && this.#accepted === 0) this.#endMessage();
      await this.ask(event, pending && event === events.at(-1), this.#macros);
    }
    if (to !== 'eom' || pending) return;
    this.#endMessage();
    this.#host.played(mail, this.#answers);
    if (this.#dialogue.manner.aborts) await this.abort();
  }

  async abort(): Promise<void> {
    this.#begin(undefined);
    await this.#tell('abort');
  }

  /** Ends the session, and looks whether the milter closes the connection. */
  async quit(): Promise<void> {
    await this.#tell('quit');
    const isClosed = await this.#wire.close(this.#host.timeout('quit', CLOSING));
    await this.#surplus();
    if (!isClosed)
      this.#fault({
        rule: 'open-after-quit',
        what: `The connection is open ${CLOSING / 1000} s after QUIT.`,
      });
    this.destroy();
  }

  /** Ends the session, and goes on with another one on the connection. */
  async quitNc(): Promise<void> {
    // libmilter knows it in no other state, and then hears the next CONNECT no more.
    if (this.#answers.at(-1)?.replies.at(-1)?.type !== 'continue') throw new NotPlayed();
    this.#begin(undefined);
    await this.#tell('quitNc');
    this.#over = undefined;
  }

  /** A list of macros without a name, and nothing after it for a while. */
  async macro(): Promise<void> {
    this.#step = 'an empty list of macros';
    await this.#write({ type: 'macro', target: COMMANDS.helo.letter, macros: [] });
    await this.#surplus('macro');
  }

  async idle(): Promise<void> {
    await this.#wire.flush(this.#host.settle);
    await pause(this.#host.idle);
  }

  destroy(): void {
    this.#wire.destroy();
  }

  #plan(type: Stage): 'ask' | 'tell' | 'macros' | 'nothing' {
    const { protocol, version } = this.#agreed;
    const { neverSends, leftOutBy, macrosAlone } = this.#dialogue.manner.profile;
    const { no, nr, version: since } = COMMANDS[type];
    const isOver = this.#over === 'body' ? type === 'body' : this.#over !== undefined;
    if (isOver || neverSends.includes(type)) return 'nothing';
    if ((protocol & (leftOutBy[type] ?? no)) !== 0 || since > version) {
      if (type === 'rcpt') this.#accepted++;
      return macrosAlone && MACROS_ALWAYS.includes(type) ? 'macros' : 'nothing';
    }
    if ((protocol & nr) === 0) return 'ask';
    if (type === 'rcpt') this.#accepted++;
    return 'tell';
  }

  async #turn(stage: Stage): Promise<void> {
    const timeout = this.#host.timeout(stage);
    const end = performance.now() + WITH_PROGRESS * timeout;
    const replies: WireReply[] = [];
    for (;;) {
      const heard = await this.#wire.next(timeout);
      if ('rule' in heard) this.#break(heard);
      const reply = this.#judge(stage, heard, replies);
      replies.push(reply);
      if (isFinal(reply)) break;
      if (performance.now() > end) {
        this.#break({
          rule: 'missing-reply',
          what: `No final reply came within ${(WITH_PROGRESS * timeout) / 1000} s.`,
        });
      }
    }
    this.#host.answered(stage);
    this.#answers.push({ step: this.#step, replies });
    this.#decided(stage, replies.at(-1)?.type);
    await this.#surplus(stage);
  }

  #judge(stage: Stage, frame: RawFrame, before: readonly WireReply[]): WireReply {
    for (const fault of judgeFrame(frame)) this.#fault(fault);
    const text = frame.data.toString('latin1').toLowerCase();
    for (const token of this.#host.others(this.#mail).filter((one) => text.includes(one))) {
      this.#fault({
        rule: 'leak',
        what: `A reply has the word ${token} in it, which only another message has.`,
      });
    }
    const reply = readReply(frame);
    if ('rule' in reply) this.#break(reply);
    for (const fault of judgeReply(stage, reply, this.#agreed, before)) {
      // Stalwart writes a value into the message as it is, where lines end with CRLF.
      if (fault.rule !== 'header-value' || !this.#dialogue.manner.profile.repeatsHeader) this.#fault(fault);
    }
    return reply;
  }

  #decided(stage: Stage, type: WireReply['type'] | undefined): void {
    if (type === undefined || type === 'progress') return;
    const isKnown = (name: string): name is keyof typeof DECISIONS => Object.hasOwn(DECISIONS, name);
    const scope = scopeOf(stage, isKnown(type) ? DECISIONS[type] : REFUSAL);
    if (scope !== 'event') this.#over = scope;
    // After a refused DATA libmilter drops what comes without a word, so that a mail server begins anew.
    else if (stage === 'data' && type !== 'continue') this.#over = 'message';
    else if (stage === 'rcpt' && type === 'continue') this.#accepted++;
  }

  /** Judges frames that came though nothing was asked; a careful dialogue waits for them once after each kind of command. */
  async #surplus(kind?: string): Promise<void> {
    const waits = this.#dialogue.careful === true && kind !== undefined && !this.#waited.has(kind);
    if (waits) this.#waited.add(kind);
    for (const frame of await this.#wire.unasked(waits ? this.#host.settle : 0)) {
      const reply = readReply(frame);
      const name = 'rule' in reply ? `a frame ${frame.letter}` : describeMessage(reply);
      const fault: Fault = this.#silent
        ? { rule: 'unagreed-reply', what: `${name} came, and the milter had asked to send no reply here.` }
        : { rule: 'surplus-reply', what: `${name} came though no reply was due.` };
      this.#fault(fault);
    }
  }

  async #tell(type: 'abort' | 'quit' | 'quitNc'): Promise<void> {
    await this.#surplus();
    if (this.#over === 'connection' && type !== 'quit') return;
    this.#step = type;
    this.#silent = false;
    await this.#write({ type });
    if (type !== 'quit') await this.#surplus(type);
  }

  #write(command: Command): Promise<void> {
    return this.#wire.write([commandCodec.encode(command)]);
  }

  #begin(mail: PlayedMail | undefined): void {
    this.#endMessage();
    if (this.#over !== 'connection') this.#over = undefined;
    this.#mail = mail;
    this.#accepted = 0;
    this.#answers = [];
  }

  #endMessage(): void {
    if (this.#over !== 'connection') this.#over = 'message';
  }

  #eventsOf(mail: PlayedMail, chunk = Infinity): MtaEvent[] {
    const events = commandsOf(mail).flatMap((event): MtaEvent[] => {
      if ('address' in event && mail.bare === true)
        return [{ ...event, address: event.address.slice(1, -1) }];
      if (event.type !== 'body' || event.data.length <= chunk) return [event];
      return Array.from(event.data, (byte) => ({ type: 'body', data: Uint8Array.of(byte) }));
    });
    if (!this.#dialogue.manner.profile.repeatsHeader) return events;
    const header = events.flatMap((event) =>
      event.type === 'header' ? [event.name, ': ', event.raw ?? event.value, '\r\n'] : [],
    );
    const body = events.flatMap((event) => (event.type === 'body' ? [event.data] : []));
    const whole = Buffer.concat([...header, '\r\n', ...body].map((part) => Buffer.from(part as string)));
    const eom = events.filter(({ type }) => type === 'eom');
    const others = events.filter(({ type }) => type !== 'body' && type !== 'eom');
    return [...others, ...chunksOf(whole).map((data): MtaEvent => ({ type: 'body', data })), ...eom];
  }

  #leadspc(event: MtaEvent): MtaEvent {
    if (event.type !== 'header' || (this.#agreed.protocol & SMFIP.HDR_LEADSPC) === 0) return event;
    return { ...event, raw: Buffer.concat([Buffer.from(' '), event.raw ?? Buffer.from(event.value)]) };
  }

  #fault(fault: Fault): void {
    this.#host.fault(fault, this.#step, this.#noMacros);
  }

  #break(fault: Fault): never {
    this.#fault(fault);
    throw new Broken();
  }
}

/** Values of macros that are the same for all mails. */
const MACROS: MtaMacros = {
  j: 'mta.example.org',
  v: 'Postfix 3.7.11',
  _: 'client.example [192.0.2.1]',
  '{daemon_addr}': '192.0.2.25',
  '{if_name}': 'mta.example.org',
  '{if_addr}': '192.0.2.25',
  '{client_addr}': '192.0.2.1',
  '{client_port}': '40025',
  '{client_ptr}': 'client.example',
};

function addressMacro(event: MtaEvent): MtaMacros {
  if (event.type !== 'mail' && event.type !== 'rcpt') return {};
  const address = event.address.replace(/^<(.*)>$/, '$1');
  const mailer = event.type === 'mail' ? 'mail' : 'rcpt';
  return {
    [`{${mailer}_addr}`]: address,
    [`{${mailer}_host}`]: address.replace(/^.*@/, ''),
    [`{${mailer}_mailer}`]: 'smtp',
  };
}
