import { errorFrom } from '../../common/text-of.js';
import { SessionState } from '../../session/connection/session-state.js';
import type { Decision } from '../../session/decisions.js';
import { UngrantedError } from '../../session/errors.js';
import { failureAt } from '../../session/failures.js';
import type { StageEvent } from '../../session/flow.js';
import type { Modification } from '../../session/modifications.js';
import { wishesFor } from '../../session/negotiation/ungranted.js';
import type { SessionInfo } from '../../session/session-info.js';
import { BIT, type Stage } from '../../session/stage.js';
import { formatEndpoint } from '../../transport/sockets/endpoint.js';
import { SMFIP } from '../../transport/wire/flags.js';
import { DEFAULT_OFFER, type MtaOffer } from '../client/agreement.js';
import { CONTINUE, type MtaAnswer } from '../client/answer.js';
import { MilterError } from '../client/milter-error.js';
import { MtaConnection } from '../client/mta-connection.js';
import { RemoteError, type ResolvedRemote, wishOf } from './remote-options.js';
import { SessionHistory } from './session-history.js';
import { commandsOf, decisionOf, macrosOf, modificationsOf, offerFor, refusalOf } from './translate.js';

export interface RemoteAnswer {
  readonly decision?: Decision | undefined;
  readonly modifications?: readonly Modification[];
  /** Why it is not the milter's. */
  readonly error?: Error;
}

const UNWANTED = 'its answer is not wanted any more';

/**
 * The connection to one milter elsewhere for one SMTP session: asks it about events, sends those first that it has to
 * hear of before, and answers in its place when it has failed or has decided.
 */
export class RemoteLink {
  readonly #settings: ResolvedRemote;
  readonly #history = new SessionHistory();
  #connection: MtaConnection | undefined;
  /** Closes the connection, and ends the question in progress with its reason. */
  #stop = new AbortController();
  #asking: AbortController | undefined;
  /** The milter has failed, and is not asked about this message any more. */
  #failed = false;
  /** A decision that came too late for the event that it is about: it holds for all that follow. */
  #sessionDecision: Decision | undefined;
  #messageDecision: Decision | undefined;

  constructor(settings: ResolvedRemote) {
    this.#settings = settings;
  }

  note(event: StageEvent): void {
    if (event.stage === 'mail') this.endMessage();
    this.#history.note(event);
  }

  /** Asks about an event, and about those that have to come before it; never rejects. One at a time. */
  async ask(event: StageEvent, signal: AbortSignal): Promise<RemoteAnswer> {
    const { stage } = event;
    const decision = this.#sessionDecision ?? this.#messageDecision;
    if (decision !== undefined) return { decision };
    if (this.#failed) return { decision: this.#failureAt(stage) };
    const stop = this.#stop;
    const { eom, content, command } = this.#settings.timeouts;
    const isContent = stage === 'header' || stage === 'eoh' || stage === 'body';
    const limit = stage === 'eom' ? eom : isContent ? content : command;
    // Made only when it is needed: an error takes a trace, which costs as much as the question.
    const onLate = (): void =>
      stop.abort(new MilterError('timeout', stage, `it did not answer within ${limit} ms`));
    const timer = setTimeout(onLate, limit);
    const onAbort = (): void => stop.abort(new MilterError('timeout', stage, UNWANTED));
    signal.addEventListener('abort', onAbort);
    this.#asking = stop;
    try {
      return await this.#converse(event, stop.signal);
    } catch (error) {
      // A reply that comes late must not be taken for the next one.
      if (this.#stop === stop) {
        this.#drop();
        this.#failed = true;
      }
      return this.#failure(stage, errorFrom(error));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (this.#asking === stop) this.#asking = undefined;
    }
  }

  /** The message is over, one way or the other; a new one may try again where this one could not. */
  endMessage(): void {
    const connection = this.#connection;
    if (this.#asking !== undefined) {
      this.#asking = undefined;
      this.#drop();
    } else if (this.#history.sent.begun) {
      connection?.abort().catch(() => {
        // A question that uses it meanwhile fails by itself.
        if (this.#connection === connection && this.#asking === undefined) this.#drop();
      });
    }
    this.#history.endMessage();
    this.#failed = false;
    this.#messageDecision = undefined;
  }

  end(): void {
    this.endMessage();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#stop = new AbortController();
    // Its answer to that is of no interest; where it does not hang up, its time to do so ends.
    connection?.quit().catch(() => connection.destroy());
    this.#history.endSession();
    this.#sessionDecision = undefined;
  }

  #failureAt(stage: Stage): Decision | undefined {
    const { failure } = this.#settings;
    return failure && failureAt(stage, failure);
  }

  /** The answer to the event at which the milter failed; where it refused at the same time, that stands. */
  #failure(stage: Stage, cause: Error): RemoteAnswer {
    const refusal = cause instanceof MilterError ? cause.refusal : undefined;
    const decision = refusal === undefined ? this.#failureAt(stage) : refusalOf(refusal);
    if (cause instanceof UngrantedError) return { decision, error: cause };
    const instead = refusal === undefined ? passing(decision) : 'its refusal stands';
    const endpoint = formatEndpoint(this.#settings.endpoint);
    return { decision, error: new RemoteError(stage, endpoint, instead, cause) };
  }

  /** Between two messages the milter may have hung up, which is no failure: then there is a new connection. */
  async #converse(event: StageEvent, signal: AbortSignal): Promise<RemoteAnswer> {
    const resumed = this.#connection !== undefined && !this.#history.sent.begun;
    try {
      return await this.#sendAll(event, signal);
    } catch (error) {
      const hungUp = error instanceof MilterError && error.kind === 'disconnect';
      if (!resumed || !hungUp || signal.aborted) throw error;
      this.#connection = undefined;
      this.#history.forgetSent();
      return this.#sendAll(event, signal);
    }
  }

  async #sendAll(event: StageEvent, signal: AbortSignal): Promise<RemoteAnswer> {
    const connection = this.#connection ?? (await this.#open(event, signal));
    signal.throwIfAborted();
    this.#connection = connection;
    for (const earlier of this.#history.before(event)) {
      const { verdict } = await this.#send(connection, earlier);
      // Otherwise what follows would be noted as sent on the next connection.
      signal.throwIfAborted();
      if (verdict.kind === 'continue') continue;
      // A recipient that the MTA has accepted stays one; other verdicts there are about the message.
      if (earlier.stage === 'rcpt' && verdict.kind === 'refuse') continue;
      const decision = decisionOf(verdict);
      if (earlier.stage === 'connect' || earlier.stage === 'helo') this.#sessionDecision = decision;
      else this.#messageDecision = decision;
      return { decision };
    }
    const { verdict, modifications } = await this.#send(connection, event);
    const decision = decisionOf(verdict);
    if (decision !== undefined || modifications.length === 0) return { decision };
    const shown = (this.#settings.stages & BIT.header) === 0 ? Infinity : this.#history.sent.headers;
    return { modifications: modificationsOf(modifications, shown, hidesBlank(connection, event)) };
  }

  /**
   * Many a milter hangs up where it is not offered all rights that it wants; which these are shows an offer of all.
   * Where such changes are skipped that offer is kept, and what comes of it is skipped at the end of the message.
   */
  async #open({ session, stage }: StageEvent, signal: AbortSignal): Promise<MtaConnection> {
    const { offer, stages } = this.#settings;
    const granted = { ...offerFor(session, stages), ...offer };
    try {
      return await this.#connect(granted, signal);
    } catch (error) {
      const isRefusal = error instanceof MilterError && error.stage === 'optneg';
      const { actions } = DEFAULT_OFFER;
      if (!isRefusal || offer.actions !== undefined || (actions & ~granted.actions) === 0) throw error;
      const willing = await this.#connect({ ...granted, actions }, signal).catch(() => undefined);
      if (willing === undefined) throw error;
      const rights = willing.agreement.actions & ~granted.actions;
      if (rights === 0 || skipsUngranted(session)) return willing;
      // A question that fails closes its connections.
      const wishes = wishesFor({ ...wishOf(this.#settings), rights });
      const follows = `It could not be asked; ${passing(this.#failureAt(stage))}.`;
      throw new UngrantedError(wishes, { granted: session.rights, mta: session.mta }, follows);
    }
  }

  #connect(offer: MtaOffer, signal: AbortSignal): Promise<MtaConnection> {
    const { endpoint, timeouts } = this.#settings;
    const { connect, command, eom } = timeouts;
    return MtaConnection.open(endpoint, {
      signal,
      offer,
      // The time of each event is kept by ask(); these, which are longer, only see to it that nothing is left behind.
      timeouts: { connect, command: connect + command, content: eom + command, eom: eom + command },
    });
  }

  async #send(connection: MtaConnection, event: StageEvent): Promise<MtaAnswer> {
    this.#history.sending(event);
    const macros = macrosOf(event.session, this.#settings.macros);
    let answer = CONTINUE;
    for (const command of commandsOf(event, hidesBlank(connection, event))) {
      answer = await connection.ask(command, macros);
      if (answer.verdict.kind !== 'continue') break;
    }
    return answer;
  }

  /** Closes the connection at once; on a new one nothing was sent yet. */
  #drop(): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#connection = undefined;
    this.#history.forgetSent();
  }
}

/** What becomes of a message for which the milter could not be asked. */
function passing(decision: Decision | undefined): string {
  return decision === undefined ? 'the message passes without it' : `the answer is ${decision.kind}`;
}

/** Whether the events have a blank after the colon that the milter did not agree to see. */
function hidesBlank({ agreement }: MtaConnection, { session }: StageEvent): boolean {
  return (agreement.protocol & SMFIP.HDR_LEADSPC) === 0 && session.leadingSpace;
}

function skipsUngranted(session: SessionInfo): boolean {
  return session instanceof SessionState && session.agreement.ungranted === 'skip';
}
