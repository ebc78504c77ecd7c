import type { MtaEvent } from '../mta/agenda.js';
import { formatReply } from '../mta/format-reply.js';
import { MilterError } from '../mta/milter-error.js';
import type { MtaConnection } from '../mta/mta-connection.js';
import type { MtaSessionOptions } from '../mta/mta-session.js';
import { wireMacros } from '../mta/wire-macros.js';
import { connect } from './events.js';
import { toldBy, type Told } from './told.js';

type Step = MtaEvent['type'];
type MacroValues = Readonly<Record<string, string>>;

const LOST: Told = Object.freeze({ verdict: 'lost', reply: undefined, modifications: [], asked: true });

/** The steps of an SMTP client before the content of a message, in order. */
const ENVELOPE: readonly Step[] = ['connect', 'helo', 'mail', 'rcpt', 'data'];
/** The steps that an SMTP client has taken before another. */
const BEFORE: Readonly<Record<Step, readonly Step[]>> = {
  connect: [],
  helo: ['connect'],
  mail: ['connect', 'helo'],
  rcpt: ['connect', 'helo', 'mail'],
  data: ['connect', 'helo', 'mail', 'rcpt'],
  header: ENVELOPE,
  eoh: ENVELOPE,
  body: [...ENVELOPE, 'eoh'],
  eom: [...ENVELOPE, 'eoh'],
  unknown: ['connect'],
};
const OF_THE_CONNECTION: readonly Step[] = ['connect', 'helo'];
/** The steps that may be refused without an end of the message. */
const ONE_OF_MANY: readonly Step[] = [...OF_THE_CONNECTION, 'rcpt', 'unknown'];

/** Takes steps one after the other, and before each the steps that were left out. */
export class StepLine {
  /** How the filter's end of the connection failed, where it did. */
  failure: MilterError | undefined;
  /** Whether there was a step. */
  begun = false;
  readonly #connection: MtaConnection;
  readonly #options: MtaSessionOptions;
  /** The steps of this connection and message so far. */
  readonly #done = new Set<Step>();
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
      for (const missing of BEFORE[event.type]) {
        if (!this.#done.has(missing)) await this.#fill(missing, event.type);
      }
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
    if (!this.#done.has('mail')) return;
    this.#endMessage();
    if (this.#over === undefined) await this.#connection.abort();
  }

  /** Takes a step that the test has left out. */
  async #fill(step: Step, goal: Step): Promise<void> {
    const { verdict, reply } = await this.#ask(this.#ordinary(step));
    if (verdict !== 'reject' && verdict !== 'tempfail') return;
    throw new Error(
      `simulate(): there is no ${goal}, since the filter refused the ${step} before it, which was said by itself: ` +
        `${reply === undefined ? verdict : formatReply(reply)}. Call ${step}() with what it does not refuse.`,
    );
  }

  #ordinary(step: Step): MtaEvent {
    const { client, helo = 'client.example' } = this.#options;
    switch (step) {
      case 'connect': {
        const { host, family, port, address } = connect(client?.address, client);
        return { type: 'connect', host, family, port, address };
      }
      case 'helo':
        return { type: 'helo', text: helo };
      case 'mail':
      case 'rcpt':
        return {
          type: step,
          address: step === 'mail' ? '<sender@example.org>' : '<rcpt@example.org>',
          args: [],
        };
      default:
        return { type: step === 'eoh' ? 'eoh' : 'data' };
    }
  }

  async #ask(event: MtaEvent, macros: MacroValues = {}): Promise<Told> {
    if (this.#over === 'lost') return LOST;
    this.begun = true;
    const said = this.#connection.transcript.length;
    const { hostname = 'mta.example.org', macros: standing } = this.#options;
    try {
      const answer = await this.#connection.ask(event, { j: hostname, ...standing, ...wireMacros(macros) });
      const told = toldBy(answer, this.#connection.transcript[said]);
      this.#note(event.type, told.reply !== undefined);
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
