import type { OperatorFunction } from 'rxjs';

import { checkOptions, pickOptions, type Rules } from '../common/options.js';
import type { MtaEvent } from '../mta/agenda.js';
import type { Delivery } from '../mta/delivery.js';
import type { Exchange } from '../mta/exchange.js';
import { argumentList, CONNECT_RULES, macroValues } from '../mta/mail-rules.js';
import type { Mail } from '../mta/mail.js';
import type { MilterError } from '../mta/milter-error.js';
import type { MtaConnectionOptions } from '../mta/mta-connection-options.js';
import { MtaConnection } from '../mta/mta-connection.js';
import { MtaSession, type MtaSessionOptions } from '../mta/mta-session.js';
import { CONNECTION_RULES, MTA_SESSION_RULES } from '../mta/option-rules.js';
import { wireMacros } from '../mta/wire-macros.js';
import { UnansweredError } from '../session/errors.js';
import type { Flow } from '../session/flow.js';
import type { Outcome } from '../session/outcome.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import type { ConnectFields } from '../transport/wire/layouts.js';
import { connect as connectEvent } from './events.js';
import { negotiated, type Negotiated } from './negotiated.js';
import { StepLine } from './step-line.js';
import type { Told } from './told.js';

/**
 * The options of `simulate()`.
 *
 * @remarks
 * `session` has the options of `serve()`, `offer` the abilities of the MTA, and `macros` its macros, by name, with or
 * without braces. `chunks` cuts the bytes on their way (`'whole'`, `'bytes'` or `{ seed: 1 }`).
 */
export type SimulateOptions = Omit<MtaSessionOptions, 'to'>;

/** The options of a step: ESMTP arguments at `mail` and `rcpt`, and values of macros by name. */
export interface StepOptions {
  readonly args?: readonly string[];
  readonly macros?: Readonly<Record<string, string>>;
}

/** An event that got no answer in time, and why. */
export interface Unanswered {
  readonly stage: string;
  readonly why: string;
}

const { to: _to, ...SIMULATE_RULES }: Rules<MtaSessionOptions> = MTA_SESSION_RULES;
const MACROS = { macros: macroValues };
const ENVELOPE: Rules<StepOptions> = { ...MACROS, args: argumentList };

/** The most bytes of a body that go into one frame. */
const CHUNK = 65_535;

/**
 * Runs a filter behind a simulated MTA: with the real session and the real bytes, without a socket.
 *
 * @remarks
 * It goes step by step, or with whole mails; promises work, and so do the fake timers of a test runner.
 *
 * @throws MilterError where the filter does not agree to the offer, such as a filter that `requires` more
 * @throws TypeError or RangeError where an option is wrong
 * @example
 * const mta = await simulate(filter);
 * const { verdict } = await mta.rcpt('mallory@example.org'); // 'reject'
 * await mta.close();
 * @see marbles for filters that wait for nothing but timers of RxJS
 */
export async function simulate(
  filter: OperatorFunction<Flow, Flow>,
  options: SimulateOptions = {},
): Promise<Simulation> {
  checkOptions('simulate()', options, SIMULATE_RULES);
  const outcomes: Outcome[] = [];
  const noting: MtaSessionOptions = {
    ...options,
    to: filter,
    transcript: true,
    macros: wireMacros(options.macros ?? {}),
    outcome: (outcome) => {
      outcomes.push(outcome);
      options.outcome?.(outcome);
    },
  };
  const given = pickOptions<MtaConnectionOptions>(noting, CONNECTION_RULES);
  return new Simulation(await MtaConnection.open(filter, given), noting, outcomes);
}

/**
 * A simulated MTA with a filter behind it; `simulate()` makes it.
 *
 * @remarks
 * Steps come one after the other: each waits for the answer to the one before. Steps of an SMTP client that are left out
 * are taken first, with ordinary values; where the filter refuses one of those, the step rejects with an error that says
 * so. After a filter has broken the connection, steps reject with a `MilterError`.
 */
export class Simulation implements AsyncDisposable {
  /** The result of the negotiation. */
  readonly negotiated: Negotiated;
  /** The outcome of each event, and errors apart from events. */
  readonly outcomes: readonly Outcome[];
  readonly #connection: MtaConnection;
  readonly #options: MtaSessionOptions;
  readonly #line: StepLine;
  /** The connection of the mails that are sent as a whole. */
  #session: MtaSession | undefined;
  #failure: MilterError | undefined;

  /** For `simulate()` only. */
  constructor(connection: MtaConnection, options: MtaSessionOptions, outcomes: readonly Outcome[]) {
    this.#connection = connection;
    this.#options = options;
    this.#line = new StepLine(connection, options);
    this.outcomes = outcomes;
    this.negotiated = negotiated(connection.agreement);
  }

  /** An SMTP client connects. */
  connect(
    address?: string,
    fields: Partial<ConnectFields> & Pick<StepOptions, 'macros'> = {},
  ): Promise<Told> {
    checkOptions('connect()', fields, { ...CONNECT_RULES, ...MACROS });
    const { macros, ...given } = { ...this.#options.client, ...fields };
    const { host, family, port, address: known } = connectEvent(address ?? given.address, given);
    return this.#line.step({ type: 'connect', host, family, port, address: known }, macros);
  }

  /** HELO or EHLO; in the middle of a message it aborts that. */
  helo(name = this.#options.helo ?? 'client.example', options: StepOptions = {}): Promise<Told> {
    return this.#step({ type: 'helo', text: name }, options);
  }

  /** MAIL FROM; aborts a message that is in progress. `''` is the null sender. */
  mail(address = 'sender@example.org', options: StepOptions = {}): Promise<Told> {
    const { args = [] } = options;
    return this.#step({ type: 'mail', address: `<${address}>`, args }, options, ENVELOPE);
  }

  /** RCPT TO. */
  rcpt(address = 'rcpt@example.org', options: StepOptions = {}): Promise<Told> {
    const { args = [] } = options;
    return this.#step({ type: 'rcpt', address: `<${address}>`, args }, options, ENVELOPE);
  }

  /** DATA. */
  data(options: StepOptions = {}): Promise<Told> {
    return this.#step({ type: 'data' }, options);
  }

  /** A header field; bytes are sent as they are. */
  header(name = 'Subject', value: string | Uint8Array = 'hello', options: StepOptions = {}): Promise<Told> {
    const field = typeof value === 'string' ? { value } : { value: '', raw: value };
    return this.#step({ type: 'header', name, ...field }, options);
  }

  /** The end of the headers. */
  eoh(options: StepOptions = {}): Promise<Told> {
    return this.#step({ type: 'eoh' }, options);
  }

  /** A piece of the body; more than a frame holds goes in several, up to the first that is decided. */
  async body(content: string | Uint8Array = 'hello\r\n', options: StepOptions = {}): Promise<Told> {
    const bytes = Buffer.from(content);
    let at = 0;
    let told: Told;
    do {
      told = await this.#step({ type: 'body', data: bytes.subarray(at, at + CHUNK) }, options);
      at += CHUNK;
    } while (at < bytes.length && told.verdict === 'continue');
    return told;
  }

  /** The end of the message: the answer has the modifications. */
  eom(options: StepOptions = {}): Promise<Told> {
    return this.#step({ type: 'eom', data: Buffer.alloc(0) }, options);
  }

  /** An SMTP command that the MTA does not know. */
  unknown(command = 'XYZZY', options: StepOptions = {}): Promise<Told> {
    return this.#step({ type: 'unknown', text: command }, options);
  }

  /** Ends the message in progress, where there is one, before its end. */
  abort(): Promise<void> {
    return this.#line.abort();
  }

  /** The SMTP client says QUIT, and the connection ends. */
  quit(): Promise<void> {
    return this.#line.quit();
  }

  /** The connection is lost, at once: a step that waits for an answer gets the verdict `lost`. */
  hangUp(): void {
    this.#line.hangUp();
  }

  /**
   * Sends a whole mail, and says what becomes of it, as `deliver()` does.
   *
   * @remarks
   * Mails go one after the other over one connection, which is not that of the single steps.
   */
  send(mail: Mail): Promise<Delivery> {
    return this.#line.next(async () => {
      this.#session ??= await MtaSession.open(this.#options);
      const delivery = await this.#session.send(mail);
      this.#failure ??= delivery.failure;
      return delivery;
    });
  }

  /** All commands and replies so far, decoded: those of the steps, then those of the mails. */
  get transcript(): readonly Exchange[] {
    const mails = this.#session?.transcript ?? [];
    return this.#line.begun || mails.length === 0 ? [...this.#connection.transcript, ...mails] : mails;
  }

  /** The same in lines of text: `> rcpt <bob@example.org>` is from the MTA, `< continue` from the filter. */
  get lines(): readonly string[] {
    return this.transcript.flatMap(({ sent, received }) => [
      ...sent.map((message) => `> ${describeMessage(message)}`),
      ...received.map((message) => `< ${describeMessage(message)}`),
    ]);
  }

  /** The events that got no answer in time: from the filter, or from its whole end of the connection. */
  get unanswered(): readonly Unanswered[] {
    const late = this.outcomes.flatMap(({ stage, error }) =>
      error instanceof UnansweredError ? [{ stage, why: error.message }] : [],
    );
    const failure = this.#line.failure ?? this.#failure;
    return failure?.kind === 'timeout' ? [...late, { stage: failure.stage, why: failure.message }] : late;
  }

  /** Ends all connections that are open; calling it again does nothing. */
  async close(): Promise<void> {
    await this.quit();
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #step(event: MtaEvent, options: StepOptions, rules: Rules = MACROS): Promise<Told> {
    checkOptions(`${event.type}()`, options, rules);
    return this.#line.step(event, options.macros);
  }
}
