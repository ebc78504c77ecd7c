import type { SmtpReply } from '../session/smtp-reply.js';
import type { ConnectFields } from '../transport/layouts/connect.js';
import type { Delivery, DeliveryStep } from './delivery.js';
import { GuardedMilter, type FailurePolicy } from './guarded-milter.js';
import type { Macros } from './macro-lists.js';
import { sessionMacros } from './macro-values.js';
import { DEFAULT_CLIENT, type Mail } from './mail.js';
import type { MilterError } from './milter-error.js';
import type { MilterTarget } from './milter-target.js';
import type { MtaConnectionOptions } from './mta-connection-options.js';
import type { Exchange } from './exchange.js';
import { SmtpTransaction } from './smtp-transaction.js';

/** The SMTP client, and the MTA that it talks to. */
export interface MtaSessionOptions extends MtaConnectionOptions {
  /** The milter: where it listens, or a filter, which is then run without a socket. */
  readonly to: MilterTarget;
  readonly client?: Partial<ConnectFields>;
  /** What the client says in EHLO; its host name by default. */
  readonly helo?: string;
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
  readonly #helo: string;
  readonly #macros: Macros;
  /** What every command gets, since the milter has refused the session. */
  #standing: SmtpReply | undefined;
  #first = true;

  private constructor(milter: GuardedMilter, options: MtaSessionOptions) {
    this.#milter = milter;
    this.#hostname = options.hostname ?? 'mta.example.org';
    this.#client = { ...DEFAULT_CLIENT, ...options.client };
    this.#helo = options.helo ?? this.#client.host;
    this.#macros = { ...sessionMacros(this.#hostname, this.#client), ...options.macros };
    this.opening = [];
  }

  /** Connects to the milter and tells it of the client. A milter that is not there is a failure like any other. */
  static async open(options: MtaSessionOptions): Promise<MtaSession> {
    const milter = await GuardedMilter.open(options.to, options.onFailure ?? 'tempfail', options);
    const session = new MtaSession(milter, options);
    const steps: DeliveryStep[] = [await session.#connect()];
    if (!session.ended) steps.push(await session.#greet());
    return Object.assign(session, { opening: steps });
  }

  /** The conversation with the milter so far. */
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
   * Takes a message from the client, asks the milter about it, and says what became of it.
   *
   * @throws RangeError where a header does not fit into a frame; the session cannot go on after that
   */
  async send(mail: Mail): Promise<Delivery> {
    const transaction = new SmtpTransaction(mail, {
      milter: this.#milter,
      hostname: this.#hostname,
      client: this.#client,
      helo: this.#helo,
      macros: this.#macros,
      steps: this.#first ? this.opening : [],
      standing: this.#standing,
    });
    const from = this.#first ? 0 : this.transcript.length;
    this.#first = false;
    const delivery = await transaction.run();
    if (delivery.reply.code === 421) this.#standing = delivery.reply;
    return { ...delivery, transcript: this.transcript.slice(from) };
  }

  /** Ends the session. */
  async close(): Promise<void> {
    await this.#milter.abort();
    await this.#milter.quit();
  }

  async #connect(): Promise<DeliveryStep> {
    const { verdict } = await this.#milter.ask({ type: 'connect', ...this.#client }, this.#macros);
    const host = this.#hostname;
    let reply: SmtpReply = { code: 220, lines: [`${host} ESMTP`] };
    if (verdict.kind === 'refuse') {
      this.#standing = verdict.reply;
      if (verdict.reply.code === 421) {
        reply = { code: 421, lines: [`${host} Service unavailable - try again later`] };
      } else if (verdict.reply.code >= 500) {
        reply = { code: 554, lines: [`${host} ESMTP not accepting connections`] };
      }
    }
    return { command: 'connect', reply };
  }

  async #greet(): Promise<DeliveryStep> {
    const { verdict } = await this.#milter.ask({ type: 'helo', text: this.#helo }, this.#macros);
    if (verdict.kind === 'refuse') this.#standing ??= verdict.reply;
    return {
      command: 'helo',
      reply: this.ended && this.#standing ? this.#standing : { code: 250, lines: [this.#hostname] },
    };
  }
}
