import { checkOptions, pickOptions, withDefaults } from '../../common/options.js';
import { excerpt } from '../../common/printable.js';
import { LARGEST, agreeOnSize } from '../../session/negotiation/terms.js';
import type { KnownProfile } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import { parseEndpoint } from '../../transport/sockets/endpoint.js';
import { COMMANDS, type Command, commandCodec } from '../../transport/wire/commands.js';
import type { WireReply } from '../../transport/wire/replies.js';
import { type MtaAgreement, agree, completeOffer } from './agreement.js';
import { CONTINUE, type MtaAnswer, type MtaEvent, readAnswer, timeoutAt } from './answer.js';
import {
  CONNECTION_RULES,
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  type MilterTarget,
  type MtaConnectionOptions,
} from './connection-options.js';
import { FILTER_END_RULES, type FilterEndOptions, filterEnd } from './filter-end.js';
import { type MtaMacros, macrosBefore } from './macros.js';
import { MilterError } from './milter-error.js';
import { MilterState } from './milter-state.js';
import { ReplyStream, connectTo } from './reply-stream.js';

/** The commands that an MTA sent in one write, and the replies to them. */
export interface TranscriptEntry {
  readonly sent: readonly Command[];
  readonly received: readonly WireReply[];
}

/**
 * A connection to a milter as an MTA has it: one event at a time, with its macros and its reply.
 *
 * @remarks
 * It honours the agreement (events left out, events without reply, skip) and the decisions (no more events of a
 * message or a session after the final word on it); such events are answered with `continue` without being sent.
 * A breach of the protocol, silence or a lost connection ends it with a `MilterError`.
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
  readonly #state: MilterState;
  readonly #options: MtaConnectionOptions;
  readonly #profile: KnownProfile;
  #rounds = 0;

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
    this.#state = new MilterState(agreement);
    this.#options = options;
    this.#profile = profileOf(options.mta);
  }

  /**
   * Connects to a milter and negotiates.
   *
   * @throws MilterError where it is not there, or wants what was not offered
   * @throws RangeError, TypeError, EndpointError where an option is wrong; the signal's reason where it is aborted
   */
  static async open(to: MilterTarget, options: MtaConnectionOptions = {}): Promise<MtaConnection> {
    checkOptions('MtaConnection.open()', options, CONNECTION_RULES);
    const timeouts = withDefaults(DEFAULT_TIMEOUTS, options.timeouts);
    const offer = completeOffer(options.offer ?? {}, profileOf(options.mta).oldActions);
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
      return new MtaConnection(stream, agree(offer, answer), { sent: [sent], received: [answer] }, options);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** The conversation so far, the negotiation first, with the option `transcript`; without it nothing. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#entries ?? [];
  }

  /** Lets go of the conversation so far; the transcript goes on from there. */
  forgetTranscript(): void {
    if (this.#entries !== undefined) this.#entries.length = 0;
  }

  /** How often there was a reply to wait for, the negotiation not counted. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Whether the milter has decided about the message, so that it hears nothing more of it. */
  get messageOver(): boolean {
    return this.#state.messageOver;
  }

  /** Whether the milter has decided about the SMTP session, so that there is nothing more to ask it. */
  get sessionOver(): boolean {
    return this.#state.sessionOver;
  }

  /**
   * Sends an event to the milter and waits for its reply, where it wants the event and replies to it.
   *
   * @param macros values that the milter may get with it
   * @throws MilterError where it breaks the protocol, hangs up, or does not reply in time
   * @throws RangeError where the event is too large for a frame
   */
  async ask(event: MtaEvent, macros: MtaMacros = {}): Promise<MtaAnswer> {
    // An empty frame is a broken one to libmilter.
    if (event.type === 'body' && event.data.length === 0) return CONTINUE;
    const plan = this.#state.plan(event.type);
    if (plan === 'nothing') return CONTINUE;
    const set = macrosBefore(event.type, macros, this.agreement.lists, this.#profile);
    const commands: Command[] =
      set === undefined ? [] : [{ type: 'macro', target: COMMANDS[event.type].letter, macros: set }];
    if (plan !== 'macros') commands.push(event);
    if (commands.length === 0) return CONTINUE;
    const received = await this.#send(event.type, commands);
    if (plan === 'ask') return this.#answer(event.type, received);
    const { silent = DEFAULT_TIMEOUTS.silent } = this.#options.timeouts ?? {};
    if (plan === 'tell' && silent > 0) {
      await this.#stream.quiet(silent);
      this.#checkSilence();
    }
    return CONTINUE;
  }

  /** Sends ABORT: the message is over, with or without a decision. Postfix does so after every message. */
  async abort(): Promise<void> {
    this.#state.messageEnded();
    if (!this.sessionOver) await this.#send('abort', [{ type: 'abort' }]);
  }

  /** Ends the session and the connection; waits for the milter to close its end. */
  async quit(): Promise<void> {
    if (!this.sessionOver) await this.#send('quit', [{ type: 'quit' }]);
    await this.#stream.ended(this.#options.timeouts?.close ?? DEFAULT_TIMEOUTS.close);
    this.#checkSilence();
  }

  /** Closes the connection at once, without a word. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** Sends in one write; returns the array that is to get the replies. */
  async #send(stage: string, commands: readonly Command[]): Promise<WireReply[]> {
    this.#checkSilence();
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

  async #answer(stage: MtaEvent['type'], received: WireReply[]): Promise<MtaAnswer> {
    this.#rounds++;
    const { agreement } = this;
    try {
      const source = { stream: this.#stream, agreement, options: this.#options, received };
      const answer = await readAnswer(stage, source);
      this.#state.decided(stage, answer.verdict);
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

  /** A reply that is not due would be taken for the answer to the next event. */
  #checkSilence(): void {
    if (this.#stream.waiting > 0) {
      this.#stream.destroy();
      throw new MilterError('protocol', this.#stream.stage, 'it replied though nothing was asked');
    }
    if (this.#stream.failure?.kind === 'protocol') throw this.#stream.failure;
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
