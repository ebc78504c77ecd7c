import type { MtaEvent } from '../mta/client/answer.js';
import { type MtaMacros, wireMacros } from '../mta/client/macros.js';
import { MilterError } from '../mta/client/milter-error.js';
import type { MtaConnection } from '../mta/client/mta-connection.js';
import { formatReply } from '../mta/simulate/delivery.js';
import type { MtaSessionOptions } from '../mta/simulate/mta-session.js';
import { connect } from './events/connect.js';
import { Steps } from './steps.js';
import { toldBy, type Told } from './told.js';

type MacroValues = Readonly<Record<string, string>>;

const LOST: Told = Object.freeze({ verdict: 'lost', reply: undefined, modifications: [], asked: true });

/** Takes steps one after the other, and those that were left out before them. */
export class StepLine {
  /** How the filter's end of the connection failed, where it did. */
  failure: MilterError | undefined;
  /** Whether there was a step. */
  begun = false;
  readonly #connection: MtaConnection;
  readonly #options: MtaSessionOptions;
  readonly #steps = new Steps();
  #queue: Promise<unknown> = Promise.resolve();
  #over: 'quit' | 'lost' | undefined;

  constructor(connection: MtaConnection, options: MtaSessionOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Runs something after all that was called before. */
  next<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  step(event: MtaEvent, macros?: MacroValues): Promise<Told> {
    return this.next(async () => {
      if (this.#over === 'quit') throw new Error(`simulate(): ${event.type} after the connection has ended.`);
      if (event.type === 'helo' || event.type === 'mail') await this.#abort();
      for (const missing of this.#steps.missing(event.type)) await this.#fill(missing, event.type);
      return this.#ask(event, macros);
    });
  }

  abort(): Promise<void> {
    return this.next(() => this.#abort());
  }

  quit(): Promise<void> {
    return this.next(async () => {
      if (this.#over !== undefined) return;
      this.#over = 'quit';
      if (this.failure === undefined) await this.#connection.quit();
    });
  }

  /** At once. */
  hangUp(): void {
    this.#over ??= 'lost';
    this.#connection.destroy();
  }

  async #abort(): Promise<void> {
    if (!this.#steps.inMessage) return;
    this.#steps.endMessage();
    if (this.#over === undefined) await this.#connection.abort();
  }

  /** Says what the test has left out. */
  async #fill(step: MtaEvent['type'], goal: string): Promise<void> {
    const { verdict, reply } = await this.#ask(this.#ordinary(step));
    if (verdict !== 'reject' && verdict !== 'tempfail') return;
    throw new Error(
      `simulate(): there is no ${goal}, since the filter refused the ${step} before it, which was said by itself: ` +
        `${reply === undefined ? verdict : formatReply(reply)}. Call ${step}() with what it does not refuse.`,
    );
  }

  #ordinary(step: MtaEvent['type']): MtaEvent {
    const { client, helo = 'client.example' } = this.#options;
    switch (step) {
      case 'connect': {
        const { host, family, port, address } = connect(client?.address, client);
        return { type: 'connect', host, family, port, address };
      }
      case 'helo':
        return { type: 'helo', text: helo };
      case 'mail':
        return { type: 'mail', address: '<sender@example.org>', args: [] };
      case 'rcpt':
        return { type: 'rcpt', address: '<rcpt@example.org>', args: [] };
      default:
        return { type: step === 'eoh' ? 'eoh' : 'data' };
    }
  }

  async #ask(event: MtaEvent, macros?: MacroValues): Promise<Told> {
    if (this.#over === 'lost') return LOST;
    this.begun = true;
    const said = this.#connection.transcript.length;
    try {
      const answer = await this.#connection.ask(event, this.#macros(macros));
      const told = toldBy(answer, this.#connection.transcript[said]);
      this.#steps.told(event.type, told.reply !== undefined);
      return told;
    } catch (error) {
      if (!(error instanceof MilterError)) throw error;
      if (this.#isLost()) return LOST;
      throw (this.failure ??= error);
    }
  }

  /** Asked in a function of its own: what the compiler knew of it before we waited does not hold any more. */
  #isLost(): boolean {
    return this.#over === 'lost';
  }

  #macros(own: MacroValues = {}): MtaMacros {
    return { j: this.#options.hostname ?? 'mta.example.org', ...this.#options.macros, ...wireMacros(own) };
  }
}
