import type { Decision } from '../../session/decisions.js';
import type { StageEvent } from '../../session/flow.js';
import { BIT } from '../../session/stage.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { Answer } from '../client/answer.js';
import { MilterError } from '../client/milter-error.js';
import { MtaConnection } from '../client/mta-connection.js';
import { CONTINUE } from '../client/verdict.js';
import { withBlank, withoutBlank } from './blank.js';
import { decisionOf, type RemoteAnswer } from './remote-answer.js';
import { commandsOf, macrosOf } from './remote-event.js';
import { failedAt, limitAt, policyAt } from './remote-failure.js';
import { modificationsOf } from './remote-modifications.js';
import { offerFor } from './remote-offer.js';
import type { ResolvedRemote } from './remote-options.js';
import { RemoteTold } from './remote-told.js';

const NOTHING: RemoteAnswer = Object.freeze({});

/**
 * One milter elsewhere and one SMTP session: the connection between them, what it was told of the session and what has
 * to be told before the next event, and what holds in its place when it has failed or has decided.
 */
export class RemoteLink {
  readonly #settings: ResolvedRemote;
  #connection: MtaConnection | undefined;
  /** The question under way; where it is another one, or none, nobody waits for its answer any more. */
  #question: object | undefined;

  readonly #told = new RemoteTold();

  /** It has failed, and there is no asking it about this message any more. */
  #failed = false;
  /** It wants to hear no more of this session. */
  #released = false;
  /** What it decided too late for the event that it is about: it holds for all that follow. */
  #verdictOnSession: Decision | undefined;
  #verdictOnMessage: Decision | undefined;

  constructor(settings: ResolvedRemote) {
    this.#settings = settings;
  }

  /** Takes note of what it may have to be told later. */
  note(event: StageEvent): void {
    if (event.stage === 'mail') this.endMessage();
    this.#told.note(event);
  }

  /** Asks about an event, and about whatever has to come before it; never rejects. One at a time. */
  async ask(event: StageEvent, signal: AbortSignal): Promise<RemoteAnswer> {
    const { stage } = event;
    const decided = this.#verdictOnSession ?? this.#verdictOnMessage;
    if (decided !== undefined) return { decision: decided };
    if (this.#released) return NOTHING;
    if (this.#failed) return { decision: policyAt(stage, this.#settings) };
    const question = (this.#question = {});
    let cancel: (error: Error) => void = () => undefined;
    const cancelled = new Promise<never>((_resolve, reject) => (cancel = reject));
    const limit = limitAt(stage, this.#settings);
    const late = new MilterError('timeout', stage, `it did not answer within ${limit} ms`);
    const timer = setTimeout(() => cancel(late), limit);
    const onAbort = (): void =>
      cancel(new MilterError('timeout', stage, 'nobody waits for its answer any more'));
    signal.addEventListener('abort', onAbort);
    try {
      return await Promise.race([this.#converse(event, question), cancelled]);
    } catch (error) {
      // A reply that comes late is never taken for the next one.
      if (this.#question === question) {
        this.#drop();
        this.#failed = true;
      }
      return failedAt(stage, error, this.#settings);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (this.#question === question) this.#question = undefined;
    }
  }

  /** The message is over, one way or the other; a new one may try again where this one could not. */
  endMessage(): void {
    const connection = this.#connection;
    if (this.#question !== undefined) {
      this.#question = undefined;
      this.#drop();
    } else if (this.#told.message) {
      connection?.abort().catch(() => {
        // Whoever uses it meanwhile finds out, too.
        if (this.#connection === connection && this.#question === undefined) this.#drop();
      });
    }
    this.#told.endMessage();
    this.#failed = false;
    this.#verdictOnMessage = undefined;
  }

  /** The session is over. */
  end(): void {
    this.endMessage();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#drop();
    // What it says to that is of no interest; where it does not hang up, its time to do so ends.
    connection?.quit().catch(() => connection.destroy());
    this.#told.endSession();
    this.#released = false;
    this.#verdictOnSession = undefined;
  }

  /** Between two messages it may have hung up, which is no failure: then there is a new connection. */
  async #converse(event: StageEvent, question: object): Promise<RemoteAnswer> {
    const resumed = this.#connection !== undefined && !this.#told.message;
    try {
      return await this.#tell(event, question);
    } catch (error) {
      const hungUp = error instanceof MilterError && error.kind === 'disconnect';
      if (!resumed || !hungUp || question !== this.#question) throw error;
      this.#drop();
      return this.#tell(event, question);
    }
  }

  async #tell(event: StageEvent, question: object): Promise<RemoteAnswer> {
    const { stage } = event;
    const connection = await this.#open(event, question);
    for (const earlier of this.#told.before(event)) {
      const { verdict } = await this.#send(connection, earlier);
      if (verdict.kind === 'continue') continue;
      // A recipient that the MTA has accepted stays one; what else is said there is about the message.
      if (earlier.stage === 'rcpt' && verdict.kind === 'refuse') continue;
      const decision = decisionOf(verdict);
      if (earlier.stage === 'connect' || earlier.stage === 'helo') this.#verdictOnSession = decision;
      else this.#verdictOnMessage = decision;
      this.#released = connection.sessionOver;
      return { decision };
    }
    const { verdict, modifications } = await this.#send(connection, event);
    this.#released = connection.sessionOver;
    const decision = decisionOf(verdict);
    if (decision !== undefined || modifications.length === 0) return { decision };
    const blind = isBlind(connection, event);
    const shown = (this.#settings.stages & BIT.header) === 0 ? Infinity : this.#told.headers;
    return stage === 'eom'
      ? { modifications: modificationsOf(modifications, shown, blind ? withBlank : asIs) }
      : NOTHING;
  }

  async #open({ session }: StageEvent, question: object): Promise<MtaConnection> {
    if (this.#connection !== undefined) return this.#connection;
    const { endpoint, timeouts, offer, stages } = this.#settings;
    const { connect, command, eom } = timeouts;
    const connection = await MtaConnection.open(endpoint, {
      offer: { ...offerFor(session, stages), ...offer },
      // The time of each event is kept here; these, which are longer, only see to it that nothing is left behind.
      timeouts: { connect, command: connect + command, content: eom + command, eom: eom + command },
    });
    if (question !== this.#question) {
      connection.destroy();
      throw new MilterError('timeout', 'connect', 'nobody waits for it any more');
    }
    this.#connection = connection;
    return connection;
  }

  async #send(connection: MtaConnection, event: StageEvent): Promise<Answer> {
    this.#told.telling(event);
    const macros = macrosOf(event.session, this.#settings.macros);
    let answer: Answer = { verdict: CONTINUE, modifications: [] };
    for (const command of commandsOf(event, isBlind(connection, event) ? withoutBlank : asIs)) {
      answer = await connection.ask(command, macros);
      if (answer.verdict.kind !== 'continue') break;
    }
    return answer;
  }

  /** Ends the connection without a word, and with it all that it was told. */
  #drop(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#told.forget();
  }
}

/** Whether the events have a blank after the colon that the milter is not to see: it did not agree to that. */
function isBlind({ agreement }: MtaConnection, { session }: StageEvent): boolean {
  return (agreement.protocol & SMFIP.HDR_LEADSPC) === 0 && session.leadingSpace;
}

function asIs(raw: Uint8Array): Uint8Array {
  return raw;
}
