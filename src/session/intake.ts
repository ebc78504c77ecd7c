import { isA } from '../common/text-of.js';
import { commandCodec } from '../transport/command.js';
import { COMMANDS } from '../transport/commands.js';
import { FrameReader, type FrameHandler } from '../transport/frame-reader.js';
import { Malformed } from '../transport/malformed.js';
import { ProtocolError } from '../transport/protocol-error.js';
import { USUAL } from './data-size.js';
import type { FrameBudget, FrameKeeper } from './frame-budget.js';
import { FrameQueue } from './frame-queue.js';

/** Who handles the commands that come in. */
export interface IntakeHost {
  /** Whether nothing can be handled before a filter is there. */
  readonly detached: boolean;
  /** Whether an event waits for its answer. */
  readonly busy: boolean;
  /** The MTA does not wait for the answer any more. */
  cancel(): void;
  /** The unfinished frames of all connections take more than this many bytes, and that of this one is the oldest. */
  overBudget(most: number): void;
  /** Handles a command, by its letter. `last` is false for a part of a body frame that is not its last. */
  command(letter: string, data: Buffer, start: number, end: number, last: boolean): void;
}

const NOTHING = Buffer.alloc(0);
const EOM = COMMANDS.eom.letter.charCodeAt(0);
const BODY = COMMANDS.body.letter.charCodeAt(0);

/**
 * Takes the bytes of an MTA and hands its commands on, in order and one at a time: while an event waits for its answer
 * what comes after it is kept, but for those commands that cancel it.
 */
export class Intake implements FrameHandler, FrameKeeper {
  readonly #host: IntakeHost;
  readonly #reader: FrameReader;
  readonly #queue = new FrameQueue();
  readonly #budget: FrameBudget;
  /** What the budget knows of: how much is held, and of which frame. */
  #counted = 0;
  #countedOf: number | undefined;
  #over = false;

  constructor(host: IntakeHost, budget: FrameBudget) {
    this.#host = host;
    this.#budget = budget;
    this.#reader = new FrameReader(this, commandCodec.known, USUAL, COMMANDS.body.letter);
  }

  /** The most data bytes that the frames from here on may have. */
  set maxData(bytes: number) {
    this.#reader.maxData = bytes;
  }

  /** How much is kept. */
  get kept(): number {
    return this.#queue.bytes;
  }

  /** Where in the stream the frame began that has not ended; `undefined` between frames. */
  get midFrame(): number | undefined {
    return this.#reader.began;
  }

  /** Takes the next bytes. Throws a `ProtocolError` where they break the protocol. */
  push(chunk: Buffer): void {
    this.#reader.push(chunk);
    // What was handled may have ended the connection, and after it nothing is counted.
    if (this.#over) this.#reader.forget();
    const { held, began } = this.#reader;
    if (held !== this.#counted || (held > 0 && began !== this.#countedOf)) this.#count(held, began);
  }

  /** The bytes have ended. Throws a `ProtocolError` where they may not. */
  end(): void {
    this.#reader.end();
  }

  /** Hands on what had to wait, until something has to wait again. */
  catchUp(): void {
    while (!this.#host.busy) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#handle(next.letter, next.data, next.start, next.end, next.offset, next.last);
    }
  }

  /** The end of a message, whose data was handled as body, comes again: without data, before all else. */
  repeatEom(): void {
    this.#queue.unshift({ letter: EOM, data: NOTHING, start: 0, end: 0, offset: 0, last: true });
  }

  /** Forgets what had to wait, and what there is of an unfinished frame: the connection is over. */
  clear(): void {
    this.#over = true;
    this.#queue.clear();
    this.#reader.forget();
    if (this.#counted > 0) this.#count(0, undefined);
  }

  /** See `FrameKeeper`. */
  overBudget(most: number): void {
    // It may have ended at the last moment.
    if (this.#reader.held > 0) this.#host.overBudget(most);
  }

  #count(held: number, began: number | undefined): void {
    // Another frame is a younger one.
    if (began !== this.#countedOf || held === 0) this.#budget.release(this);
    this.#counted = held;
    this.#countedOf = began;
    if (held > 0) this.#budget.keep(this, held);
  }

  /** See `FrameHandler`. */
  frame(letter: number, data: Buffer, start: number, end: number, offset: number): void {
    if (this.#mustWait(letter)) this.#queue.push({ letter, data, start, end, offset, last: true });
    else this.#handle(letter, data, start, end, offset, true);
  }

  /** See `FrameHandler`. */
  part(data: Buffer, start: number, end: number, last: boolean): void {
    if (this.#mustWait(BODY)) this.#queue.push({ letter: BODY, data, start, end, offset: 0, last });
    else this.#handle(BODY, data, start, end, 0, last);
  }

  #mustWait(letter: number): boolean {
    const host = this.#host;
    if (!host.busy && this.#queue.length === 0 && !host.detached) return false;
    const name = String.fromCharCode(letter);
    if (host.detached || (name !== 'A' && name !== 'Q' && name !== 'K')) return true;
    host.cancel();
    this.#queue.clear();
    return false;
  }

  #handle(letter: number, data: Buffer, start: number, end: number, offset: number, last: boolean): void {
    const name = String.fromCharCode(letter);
    try {
      this.#host.command(name, data, start, end, last);
    } catch (error) {
      throw isA(error, Malformed) ? new ProtocolError(error.message, name, offset) : error;
    }
  }
}
