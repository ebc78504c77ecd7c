import type { OperatorFunction } from 'rxjs';

import { type Rules, checkOptions, pickOptions } from '../common/options.js';
import type { MtaAgreement } from '../mta/client/agreement.js';
import type { MtaEvent } from '../mta/client/answer.js';
import { CONNECTION_RULES, type MtaConnectionOptions } from '../mta/client/connection-options.js';
import { type MtaMacros, macroValues, wireMacros } from '../mta/client/macros.js';
import { MilterError } from '../mta/client/milter-error.js';
import { MtaConnection, type TranscriptEntry as Exchange } from '../mta/client/mta-connection.js';
import { type Delivery, formatReply } from '../mta/simulate/delivery.js';
import { CHUNK, commandsOf, fieldOf, openingOf } from '../mta/simulate/mail-commands.js';
import { CONNECT_RULES, type Mail, argumentList } from '../mta/simulate/mail.js';
import {
  MTA_SESSION_RULES,
  MtaSession,
  type MtaSessionOptions,
  serverOf,
} from '../mta/simulate/mta-session.js';
import { UnansweredError } from '../session/errors.js';
import type { Flow } from '../session/flow.js';
import type { MacroLists, MacroStage } from '../session/negotiation/terms.js';
import type { Outcome } from '../session/outcome.js';
import { STAGES, type Stage } from '../session/stage.js';
import { COMMANDS } from '../transport/wire/commands.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import { type ProtocolFlag, type Right, SMFIF, SMFIM, SMFIP } from '../transport/wire/flags.js';
import type { ConnectFields } from '../transport/wire/layouts.js';
import { type StepAnswer, stepAnswer } from './step-answer.js';

/** The options of `simulate()`: those of `MtaSession.open()`, but for the milter. */
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

/** The result of the negotiation between a simulated MTA and a filter, by name. */
export interface Negotiated {
  readonly version: number;
  /** The rights that the filter asked for. */
  readonly rights: readonly Right[];
  readonly protocol: readonly ProtocolFlag[];
  /** The macros that the filter asked for; no list for a stage that it leaves to the MTA. */
  readonly macros: MacroLists;
  /** The consequence for each stage: the MTA waits for an answer, sends without waiting, or does not send. */
  readonly stages: Readonly<Record<Stage, 'asked' | 'silent' | 'not sent'>>;
}

type Step = MtaEvent['type'];

const LOST: StepAnswer = Object.freeze({ verdict: 'lost', reply: undefined, modifications: [], asked: true });

/** The steps of an SMTP client, in order; headers and pieces of the body may be missing. */
const ORDER: readonly Step[] = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'];
const OF_THE_CONNECTION: readonly Step[] = ['connect', 'helo'];
/** The steps that may be refused without an end of the message. */
const ONE_OF_MANY: readonly Step[] = [...OF_THE_CONNECTION, 'rcpt', 'unknown'];
/** The commands of steps that a test leaves out. */
const ORDINARY = commandsOf({ sender: 'sender@example.org', recipients: ['rcpt@example.org'] });

const { to: _to, ...SIMULATE_RULES }: Rules<MtaSessionOptions> = MTA_SESSION_RULES;
const MACROS = { macros: macroValues };
const ENVELOPE: Rules<StepOptions> = { ...MACROS, args: argumentList };

/**
 * Runs a filter behind a simulated MTA: with the real session and the real bytes, without a socket.
 *
 * @remarks
 * It goes step by step, or with whole mails; promises work, and so do the fake timers of a test runner.
 *
 * @throws MilterError where the filter does not agree to the offer, such as one with `requireRights()`
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
 * A step waits for the answer to the one before. Steps of an SMTP client that are left out are taken first, with ordinary
 * values; where the filter refuses one of those, the step rejects. So does each with a `MilterError` after the filter
 * has broken the connection.
 */
export class Simulation implements AsyncDisposable {
  /** The result of the negotiation. */
  readonly negotiated: Negotiated;
  /** The outcome of each event, and errors apart from events. */
  readonly outcomes: readonly Outcome[];
  readonly #connection: MtaConnection;
  readonly #options: MtaSessionOptions;
  /** The macros of every step. */
  readonly #macros: MtaMacros;
  /** The connection of the mails that are sent as a whole. */
  #session: MtaSession | undefined;
  /** How the filter's end of that connection failed, and of the connection of the steps. */
  #failure: MilterError | undefined;
  #broken: MilterError | undefined;
  /** The steps of this connection and message so far. */
  readonly #done = new Set<Step>();
  #queue: Promise<unknown> = Promise.resolve();
  #over: 'quit' | 'lost' | undefined;

  /** For `simulate()` only. */
  constructor(connection: MtaConnection, options: MtaSessionOptions, outcomes: readonly Outcome[]) {
    this.#connection = connection;
    this.#options = options;
    const { hostname = 'mta.example.org', mta, macros } = options;
    const [client] = openingOf(options);
    // A server that is named shows itself by its macros.
    const own = mta === undefined ? { j: hostname } : serverOf(mta).session(hostname, client);
    this.#macros = { ...own, ...macros };
    this.outcomes = outcomes;
    this.negotiated = negotiated(connection.agreement);
  }

  /** An SMTP client connects. */
  connect(
    address?: string,
    fields: Partial<ConnectFields> & Pick<StepOptions, 'macros'> = {},
  ): Promise<StepAnswer> {
    checkOptions('connect()', fields, { ...CONNECT_RULES, ...MACROS });
    const { macros, ...given } = { ...this.#options.client, ...fields };
    const known = address ?? given.address;
    const [event] = openingOf({ client: { ...given, ...(known !== undefined && { address: known }) } });
    return this.#take(event, macros);
  }

  /** HELO or EHLO; aborts a message that is in progress. */
  helo(name = this.#options.helo ?? 'client.example', options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'helo', text: name }, options);
  }

  /** MAIL FROM; aborts a message that is in progress. `''` is the null sender. */
  mail(address = 'sender@example.org', options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'mail', address: `<${address}>`, args: options.args ?? [] }, options);
  }

  /** RCPT TO. */
  rcpt(address = 'rcpt@example.org', options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'rcpt', address: `<${address}>`, args: options.args ?? [] }, options);
  }

  /** DATA. */
  data(options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'data' }, options);
  }

  /** A header field; bytes are sent as they are. */
  header(
    name = 'Subject',
    value: string | Uint8Array = 'hello',
    options: StepOptions = {},
  ): Promise<StepAnswer> {
    return this.#step({ type: 'header', name, ...fieldOf(value) }, options);
  }

  /** The end of the headers. */
  eoh(options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'eoh' }, options);
  }

  /** A piece of the body; more than a frame holds goes in several, up to the first that is decided. */
  async body(content: string | Uint8Array = 'hello\r\n', options: StepOptions = {}): Promise<StepAnswer> {
    const bytes = Buffer.from(content);
    let at = 0;
    let answer: StepAnswer;
    do {
      answer = await this.#step({ type: 'body', data: bytes.subarray(at, at + CHUNK) }, options);
      at += CHUNK;
    } while (at < bytes.length && answer.verdict === 'continue');
    return answer;
  }

  /** The end of the message: the answer has the modifications. */
  eom(options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'eom', data: Buffer.alloc(0) }, options);
  }

  /** An SMTP command that the MTA does not know. */
  unknown(command = 'XYZZY', options: StepOptions = {}): Promise<StepAnswer> {
    return this.#step({ type: 'unknown', text: command }, options);
  }

  /** Ends the message in progress, where there is one, before its end. */
  abort(): Promise<void> {
    return this.#next(() => this.#abort());
  }

  /** The SMTP client says QUIT, and the connection ends. */
  quit(): Promise<void> {
    return this.#next(async () => {
      if (this.#over !== undefined) return;
      this.#over = 'quit';
      if (this.#broken === undefined) await this.#connection.quit();
    });
  }

  /** The connection is lost, at once: a step that waits for an answer gets the verdict `lost`. */
  hangUp(): void {
    this.#over ??= 'lost';
    this.#connection.destroy();
  }

  /** Sends a whole mail, as `deliver()` does, over a connection that is not that of the steps. */
  send(mail: Mail): Promise<Delivery> {
    return this.#next(async () => {
      this.#session ??= await MtaSession.open(this.#options);
      const delivery = await this.#session.send(mail);
      this.#failure ??= delivery.failure;
      return delivery;
    });
  }

  /** All commands and replies so far, decoded: those of the steps, then those of the mails. */
  get transcript(): readonly Exchange[] {
    const [steps, mails] = [this.#connection.transcript, this.#session?.transcript ?? []];
    // Without steps there is only their negotiation.
    return steps.length > 1 || mails.length === 0 ? [...steps, ...mails] : mails;
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
    const failure = this.#broken ?? this.#failure;
    return failure?.kind === 'timeout' ? [...late, { stage: failure.stage, why: failure.message }] : late;
  }

  /** Ends all connections that are open; calling it again does nothing. */
  async close(): Promise<void> {
    await this.quit();
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }

  /** Closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #step(event: MtaEvent, options: StepOptions): Promise<StepAnswer> {
    const rules: Rules = 'args' in event ? ENVELOPE : MACROS;
    checkOptions(`${event.type}()`, options, rules);
    return this.#take(event, options.macros);
  }

  /** Takes a step after all that was called before, and before it the steps that were left out. */
  #take(event: MtaEvent, macros?: StepOptions['macros']): Promise<StepAnswer> {
    return this.#next(async () => {
      if (this.#over === 'quit') throw new Error(`simulate(): ${event.type} after the connection has ended.`);
      if (event.type === 'helo' || event.type === 'mail') await this.#abort();
      const last = event.type === 'unknown' ? 'helo' : event.type;
      for (const step of ORDER.slice(0, ORDER.indexOf(last))) {
        if (step !== 'header' && step !== 'body' && !this.#done.has(step)) await this.#fill(step, event.type);
      }
      return this.#ask(event, macros);
    });
  }

  #next<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #abort(): Promise<void> {
    if (!this.#done.has('mail')) return;
    this.#endMessage();
    if (this.#over === undefined) await this.#connection.abort();
  }

  async #fill(step: Step, goal: Step): Promise<void> {
    const ordinary = [...openingOf(this.#options), ...ORDINARY].find(({ type }) => type === step);
    if (ordinary === undefined) return;
    const { verdict, reply } = await this.#ask(ordinary);
    if (verdict !== 'reject' && verdict !== 'tempfail') return;
    throw new Error(
      `simulate(): there is no ${goal}, since the filter refused the ${step} before it, which was said by itself: ` +
        `${reply === undefined ? verdict : formatReply(reply)}. Call ${step}() with what it does not refuse.`,
    );
  }

  async #ask(event: MtaEvent, macros: StepOptions['macros'] = {}): Promise<StepAnswer> {
    if (this.#over === 'lost') return LOST;
    const said = this.#connection.transcript.length;
    try {
      const answer = await this.#connection.ask(event, { ...this.#macros, ...wireMacros(macros) });
      const exchange = this.#connection.transcript[said];
      const step = stepAnswer(answer, exchange !== undefined && exchange.received.length > 0);
      this.#note(event.type, step.reply !== undefined);
      return step;
    } catch (error) {
      if (!(error instanceof MilterError)) throw error;
      if (this.#isLost()) return LOST;
      throw (this.#broken ??= error);
    }
  }

  /** In a function of its own: the compiler does not know that the value changes during a wait. */
  #isLost(): boolean {
    return this.#over === 'lost';
  }

  /** A step that was refused, other than that of the client itself, has not happened. */
  #note(step: Step, refused: boolean): void {
    if (!refused || OF_THE_CONNECTION.includes(step)) this.#done.add(step);
    if (step === 'eom' || (refused && !ONE_OF_MANY.includes(step))) this.#endMessage();
  }

  /** The next message begins at `mail`. */
  #endMessage(): void {
    for (const step of this.#done) if (!OF_THE_CONNECTION.includes(step)) this.#done.delete(step);
  }
}

/** An agreement in names. */
function negotiated({ version, actions, protocol, lists }: MtaAgreement): Negotiated {
  const stages = STAGES.map((stage) => {
    const { no, nr, version: since } = COMMANDS[stage];
    if ((protocol & no) !== 0 || since > version) return [stage, 'not sent'];
    return [stage, (protocol & nr) === 0 ? 'asked' : 'silent'];
  });
  const macros = (Object.keys(SMFIM) as MacroStage[]).filter((stage) => lists.has(SMFIM[stage]));
  return {
    version,
    rights: namesOf(SMFIF, actions),
    protocol: namesOf(SMFIP, protocol),
    macros: Object.fromEntries(macros.map((stage) => [stage, lists.get(SMFIM[stage])])),
    stages: Object.fromEntries(stages) as Negotiated['stages'],
  };
}

function namesOf<Name extends string>(bits: Readonly<Record<Name, number>>, set: number): Name[] {
  return (Object.keys(bits) as Name[]).filter((name) => (bits[name] & set) !== 0);
}
