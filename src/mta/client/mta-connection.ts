import { checkOptions } from '../../common/options.js';
import { LARGEST, agreeOnSize } from '../../session/negotiation/data-size.js';
import { COMMANDS, type Command, commandCodec } from '../../transport/wire/commands.js';
import type { WireReply } from '../../transport/wire/replies.js';
import { habitsOf } from '../simulate/habits-of.js';
import type { Habits } from '../simulate/habits.js';
import { CONNECTION_RULES } from '../simulate/option-rules.js';
import { Agenda, type MtaEvent } from './agenda.js';
import type { Agreement } from './agreement.js';
import type { Answer } from './answer.js';
import type { Exchange } from './exchange.js';
import type { Macros } from './macro-lists.js';
import { MilterError } from './milter-error.js';
import type { MilterTarget } from './milter-target.js';
import { DEFAULT_TIMEOUTS, type MtaConnectionOptions } from './mta-connection-options.js';
import { type Negotiated, negotiate } from './negotiate.js';
import { readAnswer, timeoutAt } from './read-answer.js';
import type { ReplyStream } from './reply-stream.js';
import { tooLarge } from './too-large.js';
import { CONTINUE } from './verdict.js';

const NOTHING: Answer = Object.freeze({ verdict: CONTINUE, modifications: [] });

/**
 * A connection to a milter, used as an MTA uses it: one event at a time, each with its macros and its reply.
 *
 * It honours what was agreed on (events left out, events without reply, skip) and what was decided (no more events of a
 * message or a session after the final word on it); such events are answered with `continue` without being sent.
 * Whatever the milter does wrong ends the connection with a `MilterError`.
 */
export class MtaConnection {
  /** What the two ends agreed on. */
  readonly agreement: Agreement;
  /** The most data bytes that a frame may have: 65535, unless both ends know of a larger size. */
  readonly maxData: number;
  /** What was said so far, where that is kept. */
  readonly #exchanges: Exchange[] | undefined;
  readonly #stream: ReplyStream;
  readonly #agenda: Agenda;
  readonly #options: MtaConnectionOptions;
  readonly #habits: Habits;
  #rounds = 0;

  private constructor({ stream, agreement, exchange }: Negotiated, options: MtaConnectionOptions) {
    this.agreement = agreement;
    this.maxData = agreeOnSize(agreement.protocol, LARGEST).size;
    this.#exchanges = options.transcript === true ? [exchange] : undefined;
    this.#stream = stream;
    this.#agenda = new Agenda(agreement);
    this.#options = options;
    this.#habits = habitsOf(options.mta);
  }

  /**
   * Connects to a milter and negotiates.
   *
   * @throws MilterError where it is not there, or wants what was not offered
   * @throws RangeError, TypeError, EndpointError where an option is wrong; the signal's reason where it is aborted
   */
  static async open(to: MilterTarget, options: MtaConnectionOptions = {}): Promise<MtaConnection> {
    checkOptions('MtaConnection.open()', options, CONNECTION_RULES);
    return new MtaConnection(await negotiate(to, options), options);
  }

  /** The conversation so far, the negotiation first, with the option `transcript`; without it nothing. */
  get transcript(): readonly Exchange[] {
    return this.#exchanges ?? [];
  }

  /** Lets go of the conversation so far; the transcript goes on from there. */
  forgetTranscript(): void {
    if (this.#exchanges !== undefined) this.#exchanges.length = 0;
  }

  /** How often there was a reply to wait for, the negotiation not counted. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Whether the milter has done with the message, so that it hears nothing more of it. */
  get messageOver(): boolean {
    return this.#agenda.messageOver;
  }

  /** Whether the milter has done with the SMTP session, so that there is nothing more to ask it. */
  get sessionOver(): boolean {
    return this.#agenda.sessionOver;
  }

  /**
   * Tells the milter of an event and waits for its reply, where it wants the event and has one.
   *
   * @param macros values that the milter may get with it
   * @throws MilterError where it breaks the protocol, hangs up, or does not reply in time
   * @throws RangeError where the event is too large for a frame
   */
  async ask(event: MtaEvent, macros: Macros = {}): Promise<Answer> {
    // An empty frame is a broken one to libmilter.
    if (event.type === 'body' && event.data.length === 0) return NOTHING;
    const plan = this.#agenda.plan(event.type);
    if (plan === 'nothing') return NOTHING;
    const set = this.#habits.macros(event.type, macros, this.agreement.lists);
    const commands: Command[] =
      set === undefined ? [] : [{ type: 'macro', target: COMMANDS[event.type].letter, macros: set }];
    if (plan !== 'macros') commands.push(event);
    if (commands.length === 0) return NOTHING;
    const received = await this.#send(event.type, commands);
    if (plan === 'ask') return this.#answer(event.type, received);
    if (plan === 'tell' && this.#options.patience !== undefined) {
      await this.#stream.quiet(this.#options.patience);
      this.#checkSilence();
    }
    return NOTHING;
  }

  /** Tells the milter that the message is over, one way or the other. Postfix does so after every message. */
  async abort(): Promise<void> {
    this.#agenda.messageEnded();
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

  /** Sends in one write; returns where the replies are to be noted. */
  async #send(stage: string, commands: readonly Command[]): Promise<WireReply[]> {
    this.#checkSilence();
    const frames = commands.map((command) => commandCodec.encode(command));
    if (frames.some((frame) => frame.length > 4 + 1 + this.maxData)) {
      throw new RangeError(tooLarge(commands, this.maxData));
    }
    this.#stream.stage = stage;
    const received: WireReply[] = [];
    this.#exchanges?.push({ sent: commands, received });
    await this.#stream.write(Buffer.concat(frames), timeoutAt(stage, this.#options));
    return received;
  }

  async #answer(stage: MtaEvent['type'], received: WireReply[]): Promise<Answer> {
    this.#rounds++;
    try {
      const answer = await readAnswer(stage, {
        stream: this.#stream,
        agreement: this.agreement,
        options: this.#options,
        received,
      });
      this.#agenda.decided(stage, answer.verdict);
      if (this.sessionOver) await this.#leave();
      return answer;
    } catch (error) {
      this.#stream.destroy();
      throw error;
    }
  }

  /** A milter that has decided about the session is hung up on by Postfix; Sendmail says good-bye. */
  async #leave(): Promise<void> {
    if (this.#habits.quitsAlways) {
      await this.#send('quit', [{ type: 'quit' }]);
      this.#stream.end();
    } else {
      this.#stream.destroy();
    }
  }

  /** A reply that nobody asked for would be taken for the answer to the next event. */
  #checkSilence(): void {
    if (this.#stream.waiting > 0) {
      this.#stream.destroy();
      throw new MilterError('protocol', this.#stream.stage, 'it replied though nothing was asked');
    }
    if (this.#stream.failure?.kind === 'protocol') throw this.#stream.failure;
  }
}
