import { checkOptions, type Rules } from '../common/options.js';
import { macroValues } from '../mta/client/macros.js';
import type { MilterError } from '../mta/client/milter-error.js';
import type { TranscriptEntry, MtaConnection } from '../mta/client/mta-connection.js';
import type { Delivery } from '../mta/simulate/delivery.js';
import { argumentList, CONNECT_RULES, type Mail } from '../mta/simulate/mail.js';
import { MtaSession, type MtaSessionOptions } from '../mta/simulate/mta-session.js';
import { UnansweredError } from '../session/errors.js';
import type { Outcome } from '../session/outcome.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import type { ConnectFields } from '../transport/wire/layouts.js';
import { connect as connectEvent } from './events/connect.js';
import { negotiated, type Negotiated } from './negotiated.js';
import { StepLine } from './step-line.js';
import type { Told } from './told.js';

/** What an MTA says beside a step: ESMTP arguments at `mail` and `rcpt`, and values of macros by name. */
export interface StepOptions {
  readonly args?: readonly string[];
  readonly macros?: Readonly<Record<string, string>>;
}

/** An event that got no answer in time, and why. */
export interface Unanswered {
  readonly stage: string;
  readonly why: string;
}

const MACROS: Rules<Pick<StepOptions, 'macros'>> = { macros: macroValues };
const ENVELOPE: Rules<StepOptions> = { ...MACROS, args: argumentList };
const CONNECT: Rules<Partial<ConnectFields> & Pick<StepOptions, 'macros'>> = { ...CONNECT_RULES, ...MACROS };

const CHUNK = 65_535;

/**
 * An MTA that is none, with a filter behind it; `simulate()` makes it.
 *
 * Steps come one after the other, however they are called: each waits for the answer to the one before. What an SMTP
 * client would have said before a step and was left out is said in its place, with ordinary values; where the filter
 * refuses that, the step throws an error that says so. A filter that breaks the connection makes steps reject with a
 * `MilterError`.
 */
export class Simulation implements AsyncDisposable {
  /** What the filter made of the offer. */
  readonly negotiated: Negotiated;
  /** What became of each event, and what went wrong. */
  readonly outcomes: readonly Outcome[];
  readonly #connection: MtaConnection;
  readonly #options: MtaSessionOptions;
  readonly #line: StepLine;
  /** The connection of the mails that are sent as a whole. */
  #session: MtaSession | undefined;
  #failure: MilterError | undefined;

  /** @internal */
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
    checkOptions('connect()', fields, CONNECT);
    const { macros, ...given } = { ...this.#options.client, ...fields };
    const { host, family, port, address: known } = connectEvent(address ?? given.address, given);
    return this.#line.step({ type: 'connect', host, family, port, address: known }, macros);
  }

  /** HELO or EHLO; in the middle of a message it aborts that. */
  helo(name = this.#options.helo ?? 'client.example', options: StepOptions = {}): Promise<Told> {
    checkOptions('helo()', options, MACROS);
    const { macros } = options;
    return this.#line.step({ type: 'helo', text: name }, macros);
  }

  /** MAIL FROM; aborts a message that is in progress. `''` is the null sender. */
  mail(address = 'sender@example.org', options: StepOptions = {}): Promise<Told> {
    checkOptions('mail()', options, ENVELOPE);
    const { args = [], macros } = options;
    return this.#line.step({ type: 'mail', address: `<${address}>`, args }, macros);
  }

  /** RCPT TO. */
  rcpt(address = 'rcpt@example.org', options: StepOptions = {}): Promise<Told> {
    checkOptions('rcpt()', options, ENVELOPE);
    const { args = [], macros } = options;
    return this.#line.step({ type: 'rcpt', address: `<${address}>`, args }, macros);
  }

  /** DATA. */
  data(options: StepOptions = {}): Promise<Told> {
    checkOptions('data()', options, MACROS);
    const { macros } = options;
    return this.#line.step({ type: 'data' }, macros);
  }

  /** A header field; bytes are sent as they are. */
  header(name = 'Subject', value: string | Uint8Array = 'hello', options: StepOptions = {}): Promise<Told> {
    checkOptions('header()', options, MACROS);
    const { macros } = options;
    const field = typeof value === 'string' ? { value } : { value: '', raw: value };
    return this.#line.step({ type: 'header', name, ...field }, macros);
  }

  /** The end of the headers. */
  eoh(options: StepOptions = {}): Promise<Told> {
    checkOptions('eoh()', options, MACROS);
    const { macros } = options;
    return this.#line.step({ type: 'eoh' }, macros);
  }

  /** A piece of the body; what does not fit into a frame is told in several, up to the first that is decided. */
  async body(content: string | Uint8Array = 'hello\r\n', options: StepOptions = {}): Promise<Told> {
    checkOptions('body()', options, MACROS);
    const { macros } = options;
    const bytes = Buffer.from(content);
    let at = 0;
    let told: Told;
    do {
      told = await this.#line.step({ type: 'body', data: bytes.subarray(at, at + CHUNK) }, macros);
      at += CHUNK;
    } while (at < bytes.length && told.verdict === 'continue');
    return told;
  }

  /** The end of the message: the answer has what is to be changed. */
  eom(options: StepOptions = {}): Promise<Told> {
    checkOptions('eom()', options, MACROS);
    const { macros } = options;
    return this.#line.step({ type: 'eom', data: Buffer.alloc(0) }, macros);
  }

  /** An SMTP command that the MTA does not know. */
  unknown(command = 'XYZZY', options: StepOptions = {}): Promise<Told> {
    checkOptions('unknown()', options, MACROS);
    const { macros } = options;
    return this.#line.step({ type: 'unknown', text: command }, macros);
  }

  /** The message in progress, if there is one, is over without an end. */
  abort(): Promise<void> {
    return this.#line.abort();
  }

  /** The SMTP client takes its leave, and the connection ends. */
  quit(): Promise<void> {
    return this.#line.quit();
  }

  /** The connection is lost, at once: a step that waits for an answer gets the verdict `lost`. */
  hangUp(): void {
    this.#line.hangUp();
  }

  /**
   * Gives the filter a whole mail, and says what the MTA would have done with it (see `deliver()`). Mails go one after
   * the other over one connection, which is not that of the single steps.
   */
  send(mail: Mail): Promise<Delivery> {
    return this.#line.next(async () => {
      this.#session ??= await MtaSession.open(this.#options);
      const delivery = await this.#session.send(mail);
      this.#failure ??= delivery.failure;
      return delivery;
    });
  }

  /** Everything that was said so far, decoded: that of the steps, then that of the mails. */
  get transcript(): readonly TranscriptEntry[] {
    const mails = this.#session?.transcript ?? [];
    return this.#line.begun || mails.length === 0 ? [...this.#connection.transcript, ...mails] : mails;
  }

  /** The same in lines of text: `> rcpt <bob@example.org>` says the MTA, `< continue` the filter. */
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
}
