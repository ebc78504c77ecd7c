import { checkOptions, pickOptions, withDefaults } from '../../common/options.js';
import { excerpt } from '../../common/printable.js';
import { scopeOf } from '../../session/decision-scope.js';
import { accept, discard, allow, reject, skip } from '../../session/decisions.js';
import { LARGEST, agreeOnSize } from '../../session/negotiation/terms.js';
import type { KnownProfile } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import { parseEndpoint } from '../../transport/sockets/endpoint.js';
import { COMMANDS, type Command, commandCodec } from '../../transport/wire/commands.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { WireReply } from '../../transport/wire/replies.js';
import { type MtaAgreement, agree, completeOffer } from './agreement.js';
import { CONTINUE, type MtaAnswer, type MtaEvent, type Verdict, readAnswer, timeoutAt } from './answer.js';
import {
  CONNECTION_RULES,
  DEFAULT_LIMITS,
  type MilterTarget,
  type MtaConnectionOptions,
  timeoutsOf,
} from './connection-options.js';
import { FILTER_END_RULES, type FilterEndOptions, filterEnd } from './filter-end.js';
import { type MtaMacros, macrosBefore } from './macros.js';
import { MilterError } from './milter-error.js';
import { ReplyStream, connectTo } from './reply-stream.js';

/** The commands that an MTA sent in one write, and the replies to them. */
export interface TranscriptEntry {
  readonly sent: readonly Command[];
  readonly received: readonly WireReply[];
}

type EventName = MtaEvent['type'];

/** Postfix and Sendmail send the macros of these even where the milter does not want the event. */
const MACROS_ALWAYS: readonly EventName[] = ['connect', 'helo', 'mail', 'rcpt', 'data', 'unknown'];

/** The events that do not follow on SKIP, and on a refused DATA: after that the client may go on with RCPT and DATA. */
const LEFT_OUT: Readonly<Record<'body' | 'content', readonly EventName[]>> = {
  body: ['body'],
  content: ['header', 'eoh', 'body', 'eom'],
};

/** The decision that a verdict amounts to; every refusal has the same scope. */
const DECISIONS = {
  continue: allow(),
  accept: accept(),
  discard: discard(),
  skip: skip(),
  refuse: reject(),
};

/**
 * A connection to a milter as an MTA has it: one event at a time, with its macros and its reply.
 *
 * @remarks
 * Events that the milter does not want, or has decided about, are answered with `continue` without being sent. A breach of
 * the protocol, silence or a lost connection ends it with a `MilterError`.
 *
 * @example
 * const mta = await MtaConnection.open('inet:8891@127.0.0.1');
 * const { verdict } = await mta.ask({ type: 'helo', text: 'client.example.com' });
 * await mta.quit();
 */
export class MtaConnection {
  /** The agreement of the two ends. */
  readonly agreement: MtaAgreement;
  /** The most data bytes that a frame may have: 65535, unless both ends know of a larger size. */
  readonly maxData: number;
  readonly #entries: TranscriptEntry[] | undefined;
  readonly #stream: ReplyStream;
  readonly #options: MtaConnectionOptions;
  readonly #profile: KnownProfile;
  #rounds = 0;
  /** The scope of the milter's decision, as long as that lasts. */
  #over: 'connection' | 'message' | keyof typeof LEFT_OUT | undefined;
  #last: EventName | undefined;

  private constructor(
    stream: ReplyStream,
    agreement: MtaAgreement,
    negotiation: TranscriptEntry,
    options: MtaConnectionOptions,
  ) {
    this.agreement = agreement;
    this.maxData = agreeOnSize(agreement.protocol, LARGEST).size;
    this.#entries = options.transcript === true ? [negotiation] : undefined;
    this.#stream = stream;
    this.#options = options;
    this.#profile = profileOf(options.mta);
  }

  /**
   * Connects to a milter and negotiates.
   *
   * @throws MilterError where it is not there or does not agree; RangeError, TypeError or EndpointError for wrong options
   */
  static async open(to: MilterTarget, options: MtaConnectionOptions = {}): Promise<MtaConnection> {
    checkOptions('MtaConnection.open()', options, CONNECTION_RULES);
    const timeouts = timeoutsOf(options);
    const profile = profileOf(options.mta);
    const offer = completeOffer(options.offer ?? {}, profile);
    const { replyBytes } = withDefaults(DEFAULT_LIMITS, options.limits);
    const { signal } = options;
    signal?.throwIfAborted();
    const end =
      typeof to === 'function'
        ? filterEnd(to, pickOptions<FilterEndOptions>(options, FILTER_END_RULES))
        : await connectTo(parseEndpoint(to), timeouts.connect, signal);
    const stream = new ReplyStream(end, replyBytes, signal);
    try {
      const sent: Command = { type: 'optneg', ...offer, lists: [] };
      await stream.write(commandCodec.encode(sent), timeouts.command);
      const answer = await stream.next(timeouts.command);
      if (answer.type !== 'optneg') {
        throw new MilterError('negotiation', 'optneg', `it answered the offer with ${answer.type}`);
      }
      const agreement = agree(offer, answer, profile.obeys);
      return new MtaConnection(stream, agreement, { sent: [sent], received: [answer] }, options);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** The conversation so far, the negotiation first, with the option `transcript`; without it nothing. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#entries ?? [];
  }

  /** Lets go of the conversation so far. */
  forgetTranscript(): void {
    if (this.#entries !== undefined) this.#entries.length = 0;
  }

  /** How often there was a reply to wait for, the negotiation not counted. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Whether the milter has decided about the message, so that it hears nothing more of it. */
  get messageOver(): boolean {
    return this.#over === 'connection' || this.#over === 'message';
  }

  /** Whether the milter has decided about the SMTP session, so that there is nothing more to ask it. */
  get sessionOver(): boolean {
    return this.#over === 'connection';
  }

  /**
   * Sends an event to the milter and waits for its reply, where it wants the event and replies to it.
   *
   * @param macros values that the milter may get with it
   * @throws MilterError where the milter fails, RangeError where the event is too large for a frame
   */
  async ask(event: MtaEvent, macros: MtaMacros = {}): Promise<MtaAnswer> {
    // An empty frame is a broken one to libmilter.
    if (event.type === 'body' && event.data.length === 0) return CONTINUE;
    const plan = this.#plan(event.type);
    if (plan === 'nothing') return CONTINUE;
    const set = macrosBefore(event.type, macros, this.agreement.lists, this.#profile);
    const commands: Command[] =
      set === undefined ? [] : [{ type: 'macro', target: COMMANDS[event.type].letter, macros: set }];
    if (plan !== 'macros') commands.push(event);
    if (commands.length === 0) return CONTINUE;
    const received = await this.#send(event.type, commands);
    if (plan === 'ask') return this.#answer(event.type, received);
    const { silent } = timeoutsOf(this.#options);
    if (plan === 'send' && silent > 0) {
      await this.#stream.quiet(silent);
      this.#stream.checkSilence();
    }
    return CONTINUE;
  }

  /** Sends ABORT: the message is over, with or without a decision. Postfix does so after every message. */
  async abort(): Promise<void> {
    this.#endMessage();
    if (!this.sessionOver) await this.#send('abort', [{ type: 'abort' }]);
  }

  /** Ends the session and the connection; waits for the milter to close its end. */
  async quit(): Promise<void> {
    if (!this.sessionOver) await this.#send('quit', [{ type: 'quit' }]);
    await this.#stream.ended(timeoutsOf(this.#options).close);
    this.#stream.checkSilence();
  }

  /** Closes the connection at once, without a word. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** The frames for an event: its macros and itself (with or without a reply), only its macros, or none. */
  #plan(name: EventName): 'ask' | 'send' | 'macros' | 'nothing' {
    const { protocol, version } = this.agreement;
    const { neverSends, leftOutBy, macrosAlone } = this.#profile;
    const { nr, version: since } = COMMANDS[name];
    const no = leftOutBy[name] ?? COMMANDS[name].no;
    if (name === 'mail' || name === 'helo') this.#endMessage();
    const part = this.#over === 'body' || this.#over === 'content' ? LEFT_OUT[this.#over] : undefined;
    if (part?.includes(name) === false) this.#over = undefined;
    // libmilter without a data callback drops the whole message when an unknown command comes after a recipient.
    const lost = name === 'unknown' && this.#last === 'rcpt' && (protocol & SMFIP.NODATA) !== 0;
    if (this.#over !== undefined || lost || neverSends.includes(name)) return 'nothing';
    if ((protocol & no) !== 0 || since > version) {
      return macrosAlone && MACROS_ALWAYS.includes(name) ? 'macros' : 'nothing';
    }
    this.#last = name;
    return (protocol & nr) !== 0 ? 'send' : 'ask';
  }

  #decided(name: EventName, { kind }: Verdict): void {
    const refused = kind === 'refuse' || kind === 'discard';
    // A server that asks about everything at once closes the connection.
    const scope =
      refused && this.#profile.asksFrom === 'message' ? 'connection' : scopeOf(name, DECISIONS[kind]);
    if (scope !== 'event') this.#over = scope;
    else if (name === 'data' && kind === 'refuse') this.#over = 'content';
  }

  #endMessage(): void {
    if (this.#over === 'message') this.#over = undefined;
  }

  /** Sends in one write; returns the array that is to get the replies. */
  async #send(stage: string, commands: readonly Command[]): Promise<WireReply[]> {
    this.#stream.checkSilence();
    const frames = commands.map((command) => commandCodec.encode(command));
    // A frame is its length, a letter and the data.
    const sizes = frames.map((frame) => frame.length - 5);
    const large = sizes.findIndex((size) => size > this.maxData);
    if (large !== -1) {
      throw new RangeError(
        `${nameOf(commands[large])} has ${sizes[large] ?? 0} bytes, and the milter takes at most ` +
          `${this.maxData} at once. Make it shorter, or leave it out.`,
      );
    }
    this.#stream.stage = stage;
    const received: WireReply[] = [];
    this.#entries?.push({ sent: commands, received });
    await this.#stream.write(Buffer.concat(frames), timeoutAt(stage, this.#options));
    return received;
  }

  async #answer(stage: EventName, received: WireReply[]): Promise<MtaAnswer> {
    this.#rounds++;
    const { agreement } = this;
    try {
      const source = { stream: this.#stream, agreement, options: this.#options, received };
      const answer = await readAnswer(stage, source);
      this.#decided(stage, answer.verdict);
      if (this.sessionOver) await this.#leave();
      return answer;
    } catch (error) {
      this.#stream.destroy();
      throw error;
    }
  }

  /** After a decision about the session Postfix closes the connection without QUIT; Sendmail sends it. */
  async #leave(): Promise<void> {
    if (this.#profile.quitsAlways) {
      await this.#send('quit', [{ type: 'quit' }]);
      this.#stream.end();
    } else {
      this.#stream.destroy();
    }
  }
}

function nameOf(command: Command | undefined): string {
  switch (command?.type) {
    case 'header':
      return `The header ${excerpt(command.name, 60)}`;
    case 'mail':
      return `The sender "${excerpt(command.address, 60)}"`;
    case 'rcpt':
      return `The recipient "${excerpt(command.address, 60)}"`;
    case 'macro':
      return `The list of macros for ${command.target}`;
    default:
      return `The command ${command?.type ?? ''}`;
  }
}
