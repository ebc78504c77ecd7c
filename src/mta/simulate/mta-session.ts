import { checkOptions } from '../../common/options.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { Exchange } from '../client/exchange.js';
import type { Macros } from '../client/macro-lists.js';
import type { MilterError } from '../client/milter-error.js';
import type { MilterTarget } from '../client/milter-target.js';
import type { MtaConnectionOptions } from '../client/mta-connection-options.js';
import { wireMacros } from '../client/wire-macros.js';
import type { ClientOptions } from './client-mail.js';
import type { Delivery, DeliveryStep } from './delivery.js';
import { GuardedMilter, type FailurePolicy } from './guarded-milter.js';
import { habitsOf } from './habits-of.js';
import type { Habits } from './habits.js';
import { authMacros, tlsMacros } from './macro-values.js';
import { MAIL_RULES } from './mail-rules.js';
import { DEFAULT_CLIENT, type Mail } from './mail.js';
import { MTA_SESSION_RULES } from './option-rules.js';
import { SmtpTransaction } from './smtp-transaction.js';

/** The SMTP client, and the MTA that it talks to. */
export interface MtaSessionOptions extends MtaConnectionOptions, ClientOptions {
  /** The milter: where it listens, or a filter, which is then run without a socket. */
  readonly to: MilterTarget;
  /** The name of the MTA. */
  readonly hostname?: string;
  /** Values for macros beyond those that an MTA has of itself. */
  readonly macros?: Macros;
  /** What the client is told where the milter fails. `tempfail` by default, as in Postfix. */
  readonly onFailure?: FailurePolicy;
}

/**
 * An SMTP session as the MTA has it, with a milter looking on: one client, any number of messages one after the other.
 *
 * No SMTP is spoken; what a client would be told is in the deliveries.
 */
export class MtaSession {
  /** What the client was told to its connection and its EHLO. */
  readonly opening: readonly DeliveryStep[];
  readonly #milter: GuardedMilter;
  readonly #hostname: string;
  readonly #client: ConnectFields;
  readonly #habits: Habits;
  readonly #protocol: string;
  readonly #macros: Macros;
  readonly #keepsAll: boolean;
  /** What every command gets, since the milter has refused the session. */
  #standing: SmtpReply | undefined;
  #helo: string;
  #first = true;

  private constructor(milter: GuardedMilter, options: MtaSessionOptions) {
    const { tls, auth, macros } = options;
    this.#milter = milter;
    this.#keepsAll = options.transcript === true;
    this.#habits = habitsOf(options.mta);
    this.#hostname = options.hostname ?? 'mta.example.org';
    this.#client = { ...DEFAULT_CLIENT, ...options.client };
    this.#helo = options.helo ?? this.#client.host;
    this.#protocol = `ESMTP${tls === undefined ? '' : 'S'}${auth === undefined ? '' : 'A'}`;
    this.#macros = {
      ...this.#habits.session(this.#hostname, this.#client),
      ...(tls && tlsMacros(tls)),
      ...(auth && authMacros(auth)),
      ...wireMacros(macros ?? {}),
    };
    this.opening = [];
  }

  /** Connects to the milter and tells it of the client. A milter that is not there is a failure like any other. */
  static async open(options: MtaSessionOptions): Promise<MtaSession> {
    checkOptions('MtaSession.open()', options, MTA_SESSION_RULES);
    const { to, onFailure = 'tempfail' } = options;
    const milter = await GuardedMilter.open(to, onFailure, { ...options, transcript: true });
    const session = new MtaSession(milter, options);
    const steps: DeliveryStep[] = [await session.#connect()];
    if (!session.ended) steps.push(await session.#greet());
    return Object.assign(session, { opening: steps });
  }

  /**
   * The conversation with the milter since the last message began, and what was said before the first one with that; with
   * the option `transcript` all of it.
   */
  get transcript(): readonly Exchange[] {
    return this.#milter.connection?.transcript ?? [];
  }

  /** How the milter failed, where it did. */
  get failure(): MilterError | undefined {
    return this.#milter.failure;
  }

  /** Whether the client has been told to go. */
  get ended(): boolean {
    return this.#standing?.code === 421;
  }

  /**
   * The client says EHLO again, by the same name or another; returns what it is told.
   *
   * A milter that refuses that refuses the rest of the session.
   */
  async helo(name = this.#helo): Promise<SmtpReply> {
    this.#helo = name;
    const { reply } = await this.#greet();
    // Postfix gives up what may have been in progress, and only then.
    if (this.#habits.abortsAlways) await this.#milter.abort();
    return reply;
  }

  /** The client says something that is no command; returns what it is told. */
  async unknown(line: string): Promise<SmtpReply> {
    if (this.#standing !== undefined) return this.#standing;
    const { verdict } = await this.#milter.ask(
      { type: 'unknown', text: this.#habits.unknownCommand(line) },
      this.#macros,
    );
    if (verdict.kind !== 'refuse') return this.#habits.unknown(line);
    const reply = this.#habits.refused('unknown', verdict.reply);
    if (reply.code === 421) this.#standing = reply;
    return reply;
  }

  /**
   * Takes a message from the client, asks the milter about it, and says what became of it.
   *
   * @throws RangeError where a header does not fit into a frame; the session cannot go on after that
   * @throws TypeError where a part of the mail cannot be sent; nothing of it has been
   */
  async send(mail: Mail): Promise<Delivery> {
    checkOptions('send()', mail, MAIL_RULES, 'field');
    const transaction = new SmtpTransaction(mail, {
      milter: this.#milter,
      habits: this.#habits,
      hostname: this.#hostname,
      client: this.#client,
      helo: this.#helo,
      protocol: this.#protocol,
      roundsBefore: this.#first ? 0 : this.#milter.rounds,
      macros: this.#macros,
      steps: this.#first ? this.opening : [],
      standing: this.#standing,
    });
    if (!this.#first && !this.#keepsAll) this.#milter.connection?.forgetTranscript();
    const from = this.#first ? 0 : this.transcript.length;
    this.#first = false;
    const delivery = await transaction.run();
    if (delivery.reply.code === 421) this.#standing = delivery.reply;
    return { ...delivery, transcript: this.transcript.slice(from) };
  }

  /** Ends the session. */
  async close(): Promise<void> {
    if (this.#habits.abortsAlways) await this.#milter.abort();
    await this.#milter.quit();
  }

  async #connect(): Promise<DeliveryStep> {
    const client = this.#habits.client(this.#client);
    const { verdict } = await this.#milter.ask({ type: 'connect', ...client }, this.#macros);
    const usual: SmtpReply = { code: 220, lines: [`${this.#hostname} ESMTP`] };
    if (verdict.kind !== 'refuse') return { command: 'connect', reply: usual };
    const { banner = usual, standing } = this.#habits.refusedSession(this.#hostname, verdict.reply);
    this.#standing = standing;
    return { command: 'connect', reply: banner };
  }

  async #greet(): Promise<DeliveryStep> {
    const { verdict } = await this.#milter.ask({ type: 'helo', text: this.#helo }, this.#macros);
    if (verdict.kind === 'refuse') this.#standing ??= this.#habits.refused('helo', verdict.reply);
    return {
      command: 'helo',
      reply: this.ended && this.#standing ? this.#standing : { code: 250, lines: [this.#hostname] },
    };
  }
}
