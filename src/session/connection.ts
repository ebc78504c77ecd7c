import { isA } from '../common/text-of.js';
import { ProtocolError } from '../transport/protocol-error.js';
import type { ConnectionIo } from './connection-io.js';
import type { ConnectionOwner, Receiver } from './connection-owner.js';
import { Exchange, type ExchangeHost } from './exchange.js';
import type { Flow } from './flow.js';
import type { ResolvedOptions } from './options.js';
import { Patience } from './patience.js';
import { ProjectError } from './project-error.js';
import type { SessionState } from './session-state.js';
import type { FlowStage } from './stage.js';
import type { Tags } from './tags.js';
import { UnansweredError } from './unanswered-error.js';

/** An MTA in lock-step has a few hundred bytes under way while it waits; beyond this it is not read any further. */
const MAX_QUEUED = 262_144;

/**
 * One connection of an MTA: takes its bytes, has them made into events one at a time, and has the answers written.
 *
 * Frames are taken in order. While an event waits for its answer what comes after it is kept, but for ABORT, QUIT and
 * the end of the connection: these cancel it. What goes on between its beginning and its end is the `Exchange`; here is
 * what begins and ends it.
 */
export class Connection implements ExchangeHost {
  readonly #io: ConnectionIo;
  readonly #owner: ConnectionOwner;
  readonly #exchange: Exchange;
  readonly #patience: Patience;
  #over = false;
  #paused = false;

  constructor(io: ConnectionIo, options: ResolvedOptions, owner: ConnectionOwner) {
    this.#io = io;
    this.#owner = owner;
    this.#exchange = new Exchange(this, io, options, owner);
    this.#patience = new Patience(options.timeouts);
  }

  /** What is known of the SMTP connection. */
  get info(): SessionState {
    return this.#exchange.info;
  }

  /** The stage whose event waits for its answer; `close` where none does. */
  get waitingAt(): FlowStage {
    return this.#exchange.desk.pending?.stage ?? 'close';
  }

  /** See `ExchangeHost`. */
  get over(): boolean {
    return this.#over;
  }

  /** Begins: events go to `receiver` from here on. An MTA that was faster has been waiting. */
  attach(receiver: Receiver, tags: Tags): void {
    this.#exchange.attach(receiver, tags);
    this.enter(() => {
      this.#exchange.intake.catchUp();
    });
  }

  /** Takes bytes from the MTA. */
  receive(chunk: Buffer): void {
    this.#patience.heard();
    if (this.#over) return;
    this.#exchange.inside++;
    try {
      this.#exchange.intake.push(chunk);
    } catch (error) {
      this.#caught(error);
    } finally {
      this.#leave();
    }
  }

  /** The MTA has closed its end, or the connection is lost. */
  eof(error?: Error): void {
    if (this.#over) return;
    let failure = error;
    try {
      this.#exchange.intake.end();
    } catch (truncated) {
      failure ??= truncated as Error;
    }
    if (failure !== undefined) this.#exchange.report('close', failure);
    this.enter(() => {
      this.finish();
    });
  }

  /** What came out of the end of the pipeline. */
  answer(flow: Flow): void {
    if (!this.#over) this.#exchange.desk.answer(flow);
  }

  /** Makes known what went wrong in the pipeline and cost nothing. */
  report(error: Error): void {
    this.#exchange.report('close', error);
  }

  /** The peer takes bytes again. */
  drained(): void {
    this.#patience.moved();
    this.#exchange.output.drained();
    this.#adjustReading();
  }

  /** Starts a graceful end: the message in progress is finished, new ones are put off with a 421. */
  drain(): void {
    this.#exchange.draining = true;
    this.#linger();
  }

  /** Ends a graceful end that took longer than `waited` milliseconds: what is pending gets the failure decision. */
  expire(waited: number): void {
    if (this.#over) return;
    const { desk } = this.#exchange;
    this.enter(() => {
      if (desk.pending !== undefined) {
        const { stage } = desk.pending;
        const why = `the server was stopped, and ${waited} ms later (drainTimeout) it was not done.`;
        desk.fail(new UnansweredError(stage, why, { waited, limit: 'drainTimeout' }));
      }
      this.finish();
    });
  }

  /** Ends at once, without events: the pipeline is gone. */
  destroy(): void {
    const { receiver } = this.#exchange;
    if (!this.#letGo()) return;
    this.#io.destroy();
    receiver?.close?.();
    this.#owner.ended();
  }

  /** The pipeline ended before the connection did, with an error or without: what is pending gets the failure decision. */
  abandon(error: Error): void {
    if (this.#over) return;
    const { desk, intake } = this.#exchange;
    this.#exchange.receiver = undefined;
    intake.clear();
    this.enter(() => {
      if (!desk.fail(error)) this.#exchange.report('close', error);
      this.finish();
    });
  }

  /** Called now and then with the milliseconds since the last call: ends what has hung too long. */
  tick(elapsed: number): void {
    if (this.#over) {
      if (this.#patience.overdue(elapsed)) this.#io.destroy();
      return;
    }
    const complaint = this.#patience.tick(elapsed, {
      negotiating: !this.#exchange.negotiated,
      detached: this.#exchange.detached,
      untaken: this.#exchange.output.blocked,
      midFrame: this.#exchange.intake.midFrame,
      pending: this.#exchange.busy,
    });
    if (complaint !== undefined) this.#breakDown(new Error(`${complaint}; the connection is closed.`));
  }

  /** See `ExchangeHost`: writes at the end all that there was to say. */
  enter(run: () => void): void {
    this.#exchange.inside++;
    try {
      run();
    } catch (error) {
      this.#caught(error);
    } finally {
      this.#leave();
    }
  }

  /** See `ExchangeHost`. */
  finish(): void {
    if (this.#over) return;
    const { receiver } = this.#exchange;
    this.#exchange.intake.clear();
    if (this.#exchange.negotiated) this.#exchange.dialogue.close();
    // The pipeline may have taken the last event for a reason to go.
    if (!this.#letGo()) return;
    this.#exchange.output.flush();
    this.#io.end();
    try {
      receiver?.complete();
    } catch (error) {
      // A teardown of the pipeline's own; those that wait for the end have to hear of it all the same.
      this.#caught(error);
    }
    receiver?.close?.();
    this.#owner.ended();
  }

  #caught(error: unknown): void {
    if (isA(error, ProtocolError)) {
      this.#breakDown(error);
      return;
    }
    // Thrown in the pipeline where RxJS catches nothing, as by a teardown: it costs this connection and no other.
    const failure = new ProjectError(this.waitingAt, error);
    const { receiver } = this.#exchange;
    if (this.#over) this.#exchange.report('close', failure);
    else this.abandon(failure);
    receiver?.close?.();
  }

  #leave(): void {
    if (--this.#exchange.inside > 0 || this.#over) return;
    this.#exchange.output.flush();
    this.#adjustReading();
    if (this.#exchange.draining) this.#linger();
  }

  #adjustReading(): void {
    const stop = this.#exchange.output.blocked || this.#exchange.intake.kept > MAX_QUEUED;
    if (stop === this.#paused || this.#over) return;
    this.#paused = stop;
    if (stop) this.#io.pause();
    else this.#io.resume();
  }

  #breakDown(error: Error): void {
    if (this.#over) return;
    this.#exchange.report('close', error);
    this.enter(() => {
      this.finish();
    });
  }

  /** Lets go of everything; whether there was something to let go of. */
  #letGo(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#patience.stop();
    this.#exchange.letGo();
    return true;
  }

  /** While stopping, a connection between messages is given up once nothing was heard of it for a while. */
  #linger(): void {
    if (this.#over || this.#exchange.engaged) this.#patience.stop();
    else {
      this.#patience.linger(() => {
        this.finish();
      });
    }
  }
}
