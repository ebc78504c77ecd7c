import { pickOptions } from '../../common/options.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { MtaEvent } from '../client/agenda.js';
import type { Answer } from '../client/answer.js';
import type { Macros } from '../client/macro-lists.js';
import { MilterError } from '../client/milter-error.js';
import type { MilterTarget } from '../client/milter-target.js';
import type { MtaConnectionOptions } from '../client/mta-connection-options.js';
import { MtaConnection } from '../client/mta-connection.js';
import { REFUSALS } from '../client/refusals.js';
import { CONTINUE } from '../client/verdict.js';
import { CONNECTION_RULES } from './option-rules.js';

/** What an MTA does without its milter (Postfix's `milter_default_action`). */
export type FailurePolicy = 'tempfail' | 'reject' | 'shutdown' | 'accept' | 'quarantine';

const WITHOUT: Readonly<Record<FailurePolicy, SmtpReply | undefined>> = {
  tempfail: REFUSALS.tempfail,
  reject: REFUSALS.failed,
  shutdown: { code: 421, enhanced: '4.7.1', lines: REFUSALS.tempfail.lines },
  accept: undefined,
  quarantine: undefined,
};

/** A milter that may fail: from then on for the whole session there is the policy in its place. */
export class GuardedMilter {
  /** How it failed, where it did. */
  failure: MilterError | undefined;
  readonly #policy: FailurePolicy;
  #connection: MtaConnection | undefined;

  private constructor(policy: FailurePolicy) {
    this.#policy = policy;
  }

  /** Connects; a milter that is not there has failed. */
  static async open(
    to: MilterTarget,
    policy: FailurePolicy,
    options: MtaConnectionOptions,
  ): Promise<GuardedMilter> {
    const milter = new GuardedMilter(policy);
    await milter.#guarded(async () => {
      milter.#connection = await MtaConnection.open(
        to,
        pickOptions<MtaConnectionOptions>(options, CONNECTION_RULES),
      );
    });
    return milter;
  }

  /** The connection, where there ever was one. */
  get connection(): MtaConnection | undefined {
    return this.#connection;
  }

  /** How often there was a reply to wait for. */
  get rounds(): number {
    return this.#connection?.rounds ?? 0;
  }

  /** Bits of `SMFIP` that were agreed on. */
  get protocol(): number {
    return this.#connection?.agreement.protocol ?? 0;
  }

  /** Whether messages are held because it failed. */
  get holds(): boolean {
    return this.failure !== undefined && this.#policy === 'quarantine';
  }

  /** What the milter says to an event, or the policy in its place. */
  async ask(event: MtaEvent, macros: Macros): Promise<Answer> {
    let answer: Answer | undefined;
    if (this.failure === undefined) {
      const failed = await this.#guarded(async () => {
        answer = await this.#connection?.ask(event, macros);
      });
      const refusal = failed?.refusal;
      if (refusal !== undefined) return { verdict: { kind: 'refuse', reply: refusal }, modifications: [] };
    }
    return answer ?? this.#withoutIt();
  }

  /** Tells it that the message is over. */
  async abort(): Promise<void> {
    await this.#guarded(async () => this.#connection?.abort());
  }

  /** Ends the session. */
  async quit(): Promise<void> {
    await this.#guarded(async () => this.#connection?.quit());
  }

  /** Runs where it has not failed; returns how it failed now. */
  async #guarded(run: () => Promise<void>): Promise<MilterError | undefined> {
    if (this.failure !== undefined) return undefined;
    try {
      await run();
      return undefined;
    } catch (error) {
      this.#connection?.destroy();
      if (!(error instanceof MilterError)) throw error;
      return (this.failure = error);
    }
  }

  #withoutIt(): Answer {
    const reply = WITHOUT[this.#policy];
    return { verdict: reply === undefined ? CONTINUE : { kind: 'refuse', reply }, modifications: [] };
  }
}
