import { pickOptions } from '../../common/options.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import { CONTINUE, type MtaAnswer, type MtaEvent } from '../client/answer.js';
import {
  CONNECTION_RULES,
  type MilterTarget,
  type MtaConnectionOptions,
} from '../client/connection-options.js';
import type { MtaMacros } from '../client/macros.js';
import { MilterError } from '../client/milter-error.js';
import { MtaConnection } from '../client/mta-connection.js';
import { REFUSALS } from '../client/sanitise-reply.js';

/** The action of an MTA whose milter has failed (Postfix's `milter_default_action`). */
export type FailurePolicy = 'tempfail' | 'reject' | 'shutdown' | 'accept' | 'quarantine';

const WITHOUT: Readonly<Record<FailurePolicy, SmtpReply | undefined>> = {
  tempfail: REFUSALS.unavailable,
  reject: REFUSALS.failed,
  shutdown: { code: 421, enhanced: '4.7.1', lines: REFUSALS.tempfail.lines },
  accept: undefined,
  quarantine: undefined,
};

/** A milter that may fail: from then on the policy takes its place for the whole session. */
export class GuardedMilter {
  failure: MilterError | undefined;
  connection: MtaConnection | undefined;
  readonly #to: MilterTarget;
  readonly #options: MtaConnectionOptions;
  readonly #policy: FailurePolicy;

  constructor(to: MilterTarget, options: MtaConnectionOptions, policy: FailurePolicy) {
    this.#to = to;
    this.#options = pickOptions<MtaConnectionOptions>(options, CONNECTION_RULES);
    this.#policy = policy;
  }

  get rounds(): number {
    return this.connection?.rounds ?? 0;
  }

  get protocol(): number {
    return this.connection?.agreement.protocol ?? 0;
  }

  get holds(): boolean {
    return this.failure !== undefined && this.#policy === 'quarantine';
  }

  /** Asks about an event; connects at the first. */
  async ask(event: MtaEvent, macros: MtaMacros): Promise<MtaAnswer> {
    const failedBefore = this.failure !== undefined;
    const answer = await this.#guarded(async () => (await this.#open()).ask(event, macros));
    if (answer !== undefined) return answer;
    const reply = (failedBefore ? undefined : this.failure?.refusal) ?? WITHOUT[this.#policy];
    return reply === undefined ? CONTINUE : { verdict: { kind: 'refuse', reply }, modifications: [] };
  }

  /** The message is over, or the session. */
  async end(by: 'abort' | 'quit'): Promise<void> {
    await this.#guarded(async () => this.connection?.[by]());
  }

  async #open(): Promise<MtaConnection> {
    return (this.connection ??= await MtaConnection.open(this.#to, this.#options));
  }

  /** Does something where it has not failed; returns nothing where it fails, or has. */
  async #guarded<T>(run: () => Promise<T>): Promise<T | undefined> {
    if (this.failure !== undefined) return undefined;
    try {
      return await run();
    } catch (error) {
      this.connection?.destroy();
      if (!(error instanceof MilterError)) throw error;
      this.failure = error;
      return undefined;
    }
  }
}
