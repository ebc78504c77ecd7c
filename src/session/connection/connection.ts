import { isA, messageOf } from '../../common/text-of.js';
import { COMMANDS, commandCodec } from '../../transport/wire/commands.js';
import { copied } from '../../transport/wire/copied.js';
import { type FrameHandler, FrameReader } from '../../transport/wire/frame-reader.js';
import { Malformed } from '../../transport/wire/layouts.js';
import { ProtocolError } from '../../transport/wire/protocol-error.js';
import { ProjectError, UnansweredError } from '../errors.js';
import type { Flow } from '../flow.js';
import type { Tags } from '../negotiation/tags.js';
import { type Agreement, USUAL } from '../negotiation/terms.js';
import type { ResolvedOptions } from '../options.js';
import type { FlowStage } from '../stage.js';
import type { ConnectionIo, ConnectionOwner, Receiver } from './boundary.js';
import { Dialogue, type DialogueHost, HANDLERS } from './dialogue.js';
import type { FrameBudget, FrameKeeper } from './frame-budget.js';
import { FrameQueue } from './frame-queue.js';
import { Output } from './output.js';
import type { SessionState } from './session-state.js';
import { Tracer } from './tracer.js';
import { Turns } from './turns.js';
import { Watchdog } from './watchdog.js';

/** Beyond this an MTA, which has a few hundred bytes under way while it waits, is not read any further. */
const MAX_QUEUED = 262_144;

const OPTNEG = COMMANDS.optneg.letter.charCodeAt(0);
const MACRO = COMMANDS.macro.letter.charCodeAt(0);
const BODY = COMMANDS.body.letter.charCodeAt(0);
/** Commands that cancel the pending turn. */
const CANCELLING: ReadonlySet<number> = new Set(
  [COMMANDS.abort, COMMANDS.quit, COMMANDS.quitNc].map(({ letter }) => letter.charCodeAt(0)),
);

/**
 * One connection of an MTA: the life of its socket, and the order of commands.
 *
 * While a turn is pending commands are queued, except for ABORT, QUIT and the end of the connection, which cancel it.
 * Answers come back from the filters by `next()`.
 */
export class Connection implements FrameHandler, FrameKeeper, DialogueHost {
  readonly #io: ConnectionIo;
  readonly #owner: ConnectionOwner;
  readonly #reader: FrameReader;
  readonly #queue = new FrameQueue();
  readonly #budget: FrameBudget;
  readonly #watchdog: Watchdog;
  readonly #tracer: Tracer | undefined;
  readonly #output: Output;
  readonly #turns: Turns;
  readonly #dialogue: Dialogue;
  /** Above 0 within an entry: what follows from it is done at the end of the outermost one. */
  #inside = 0;
  #over = false;
  #paused = false;
  /** The bytes that the budget counts, and of which frame. */
  #counted = 0;
  #countedOf: number | undefined;

  constructor(io: ConnectionIo, options: ResolvedOptions, owner: ConnectionOwner) {
    this.#io = io;
    this.#owner = owner;
    this.#reader = new FrameReader(this, commandCodec.known, USUAL, COMMANDS.body.letter);
    this.#budget = options.frames;
    this.#watchdog = new Watchdog(options.timeouts);
    if (options.trace !== undefined) {
      this.#tracer = new Tracer(
        options.trace,
        () => this.info,
        (error) => {
          const why = `The trace function failed, and is not called again: ${messageOf(error)}`;
          this.report(new Error(why, { cause: error }));
        },
      );
    }
    this.#output = new Output(io, this.#tracer);
    this.#turns = new Turns(this.#output, options, owner, (turn, decision) => {
      this.#dialogue.settled(turn, decision);
      // From within an entry the next commands are handled at its end.
      if (this.#inside === 0) this.#enter();
    });
    this.#dialogue = new Dialogue(this, this.#turns, this.#output, options);
  }

  get info(): SessionState {
    return this.#turns.session;
  }

  /** Begins: events go to `receiver` from here on. */
  attach(receiver: Receiver, tags: Tags, borrows = false): void {
    this.#turns.receiver = receiver;
    this.#dialogue.lends = borrows;
    this.#dialogue.tags = tags;
    this.#enter();
  }

  /** @param lent the bytes are others after the call */
  receive(chunk: Buffer, lent = false): void {
    this.#watchdog.onData();
    if (this.#over) return;
    this.#inside++;
    try {
      this.#reader.push(chunk, lent);
      this.#count();
    } catch (error) {
      this.#caught(error);
    } finally {
      this.#leave();
    }
  }

  frame(letter: number, data: Buffer, start: number, end: number, offset: number): void {
    if (this.#hasToWait(letter)) this.#queue.push({ letter, data, start, end, offset, last: true });
    else this.#handle(letter, data, start, end, offset, true, false);
  }

  part(data: Buffer, start: number, end: number, last: boolean, lent: boolean): void {
    if (!this.#hasToWait(BODY)) {
      this.#handle(BODY, data, start, end, 0, last, lent);
      return;
    }
    const own = lent ? copied(data.subarray(start, end)) : data.subarray(start, end);
    this.#queue.push({ letter: BODY, data: own, start: 0, end: own.length, offset: 0, last });
  }

  /** Takes what came out of the last filter. */
  next(flow: Flow): void {
    if (!this.#over) this.#turns.answer(flow);
  }

  /** The pipeline failed: a connection does not survive it. */
  error(error: unknown): void {
    this.#abandon(new ProjectError(this.#waitingAt, error));
  }

  /** The usual end of a pipeline is that of its connection, after which it completes. */
  complete(): void {
    if (this.#over) return;
    const why = 'the pipeline completed before the connection was over.';
    this.#abandon(new UnansweredError(this.#waitingAt, why));
  }

  agreed(agreement: Agreement): void {
    this.#reader.maxData = agreement.maxData;
  }

  /** Ends the connection in order: the pipeline gets its last event, the MTA its last bytes. */
  finish(): void {
    if (this.#over) return;
    const { receiver } = this.#turns;
    this.#queue.clear();
    if (this.#dialogue.negotiated) this.#dialogue.close();
    // The pipeline may have taken the last event for a reason to go.
    if (!this.#release()) return;
    this.#output.flush();
    this.#io.end();
    try {
      receiver?.complete();
    } catch (error) {
      // Thrown by a teardown of the pipeline; the owner still has to hear of the end.
      this.#caught(error);
    }
    receiver?.close?.();
    this.#owner.ended();
  }

  /** Ends at once, without events: the pipeline is gone. */
  destroy(): void {
    const { receiver } = this.#turns;
    if (!this.#release()) return;
    this.#io.destroy();
    receiver?.close?.();
    this.#owner.ended();
  }

  /** The MTA has closed its end, or the connection is lost. */
  eof(error?: Error): void {
    if (this.#over) return;
    let failure = error;
    try {
      this.#reader.end();
    } catch (truncated) {
      failure ??= truncated as Error;
    }
    if (failure === undefined) this.#enter(() => this.finish());
    else this.#breakDown(failure);
  }

  /** Reports what went wrong in the pipeline and cost no answer. */
  report(error: Error): void {
    this.#turns.report('close', error);
  }

  drained(): void {
    this.#watchdog.onDrain();
    this.#output.drained();
    this.#adjustReading();
  }

  /** Starts a graceful end: the message in progress is finished, new ones are deferred with a 421. */
  drain(): void {
    this.#dialogue.draining = true;
    this.#linger();
  }

  /** Ends a graceful end that took longer than `waited` milliseconds: the pending turn gets the failure decision. */
  expire(waited: number): void {
    if (this.#over) return;
    this.#enter(() => {
      const { pending } = this.#turns;
      if (pending !== undefined) {
        const why = `the server was stopped, and ${waited} ms later (drainTimeout) it was not done.`;
        this.#turns.fail(new UnansweredError(pending.stage, why, { waited, limit: 'drainTimeout' }));
      }
      this.finish();
    });
  }

  /** Called now and then with the milliseconds since the last call. */
  tick(elapsed: number): void {
    if (this.#over) {
      if (this.#watchdog.expiredAfterEnd(elapsed)) this.#io.destroy();
      return;
    }
    const complaint = this.#watchdog.expired(elapsed, {
      negotiating: !this.#dialogue.negotiated,
      detached: this.#turns.receiver === undefined,
      blocked: this.#output.blocked,
      midFrame: this.#reader.began,
      pending: this.#turns.pending !== undefined,
    });
    if (complaint !== undefined) this.#breakDown(new Error(`${complaint}; the connection is closed.`));
  }

  overBudget(most: number): void {
    const why =
      `The unfinished frames of all connections took more than ${most} bytes, and the one of this connection was the oldest; ` +
      'the connection is closed. Keep strangers away (allow), limit the connections (maxConnections), or raise maxFrameMemory.';
    this.#breakDown(new Error(why));
  }

  /** The stage whose turn is pending; `close` where none is. */
  get #waitingAt(): FlowStage {
    return this.#turns.pending?.stage ?? 'close';
  }

  #hasToWait(letter: number): boolean {
    const detached = this.#turns.receiver === undefined;
    if (this.#turns.pending === undefined && this.#queue.length === 0 && !detached) return false;
    if (detached || !CANCELLING.has(letter)) return true;
    this.#turns.cancel();
    this.#queue.clear();
    return false;
  }

  #handle(
    letter: number,
    data: Buffer,
    start: number,
    end: number,
    offset: number,
    last: boolean,
    lent: boolean,
  ): void {
    if (this.#over) return;
    this.#tracer?.command(letter, data, start, end, last);
    try {
      const { negotiated } = this.#dialogue;
      if (negotiated === (letter === OPTNEG))
        throw new Malformed(negotiated ? 'the negotiation is over' : 'it came before the negotiation');
      // Macros go ahead of the command that they belong to, and are no part of it.
      if (negotiated && letter !== MACRO) this.#output.received(end - start);
      HANDLERS[letter]?.call(this.#dialogue, data, start, end, last, lent);
    } catch (error) {
      if (!isA(error, Malformed)) throw error;
      throw new ProtocolError(error.message, String.fromCharCode(letter), offset);
    }
  }

  /** Runs what happens to the connection, then handles the commands that waited, and writes. */
  #enter(run?: () => void): void {
    this.#inside++;
    try {
      run?.();
      if (this.#inside === 1) this.#catchUp();
    } catch (error) {
      this.#caught(error);
    } finally {
      this.#leave();
    }
  }

  #catchUp(): void {
    while (this.#turns.pending === undefined && this.#turns.receiver !== undefined) {
      if (this.#dialogue.resume()) continue;
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#handle(next.letter, next.data, next.start, next.end, next.offset, next.last, false);
    }
  }

  #leave(): void {
    if (--this.#inside > 0 || this.#over) return;
    this.#output.flush();
    this.#adjustReading();
    if (this.#dialogue.draining) this.#linger();
  }

  #caught(error: unknown): void {
    if (isA(error, ProtocolError)) return this.#breakDown(error);
    // Thrown in the pipeline where RxJS catches nothing, as by a teardown: it costs this connection and no other.
    const failure = new ProjectError(this.#waitingAt, error);
    const { receiver } = this.#turns;
    if (this.#over) this.report(failure);
    else this.#abandon(failure);
    receiver?.close?.();
  }

  /** The pipeline ended before the connection did: the pending turn gets the failure decision. */
  #abandon(error: Error): void {
    if (this.#over) return;
    this.#turns.receiver = undefined;
    this.#queue.clear();
    this.#enter(() => {
      if (!this.#turns.fail(error)) this.report(error);
      this.finish();
    });
  }

  #breakDown(error: Error): void {
    if (this.#over) return;
    this.report(error);
    this.#enter(() => this.finish());
  }

  /** Releases everything; whether there was something to release. */
  #release(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#watchdog.stop();
    this.#turns.receiver = undefined;
    this.#turns.cancel();
    this.#queue.clear();
    this.#reader.forget();
    this.#count();
    this.#dialogue.endMessage();
    return true;
  }

  #adjustReading(): void {
    // What waits has to be copied where it was lent: the next bytes had better stay in the socket.
    const most = this.#dialogue.lendsBody ? 0 : MAX_QUEUED;
    const stop = this.#output.blocked || this.#queue.bytes > most;
    if (stop === this.#paused || this.#over) return;
    this.#paused = stop;
    if (stop) this.#io.pause();
    else this.#io.resume();
  }

  /** While stopping, a connection between messages ends once it is silent for a while. */
  #linger(): void {
    const engaged = this.#dialogue.inMessage || this.#turns.pending !== undefined;
    if (this.#over || engaged) this.#watchdog.stop();
    else this.#watchdog.linger(() => this.finish());
  }

  /** Has the budget count the bytes held of a frame that has not ended. */
  #count(): void {
    // A command may have ended the connection, and after its end nothing is held.
    if (this.#over) this.#reader.forget();
    const { held, began } = this.#reader;
    if (held === this.#counted && (held === 0 || began === this.#countedOf)) return;
    // Another frame is a younger one.
    if (began !== this.#countedOf || held === 0) this.#budget.release(this);
    this.#counted = held;
    this.#countedOf = began;
    if (held > 0) this.#budget.keep(this, held);
  }
}
