import type { ConnectionIo } from './boundary.js';
import type { Tracer } from './tracer.js';

/** Gathers what one entry into the connection has to say, for one write; and counts what a message costs. */
export class Output {
  /** How often the MTA has waited for an answer. */
  rounds = 0;
  /** The bytes of its commands. */
  bytes = 0;
  readonly #io: ConnectionIo;
  readonly #tracer: Tracer | undefined;
  /** The bytes of the command in progress, which may turn out to begin a message. */
  #current = 0;
  #first: Uint8Array | undefined;
  #more: Uint8Array[] | undefined;
  #waiting: (() => void)[] | undefined;
  /** Whether the peer has stopped taking bytes. */
  blocked = false;

  constructor(io: ConnectionIo, tracer: Tracer | undefined) {
    this.#io = io;
    this.#tracer = tracer;
  }

  /** A command, or a part of one, is about to be handled. */
  received(bytes: number): void {
    this.#current = bytes;
    this.bytes += bytes;
  }

  beginMessage(): void {
    this.rounds = 0;
    this.bytes = this.#current;
  }

  endMessage(): void {
    this.rounds = 0;
    this.bytes = 0;
  }

  /** Takes a frame that the MTA waits for. */
  answer(frame: Uint8Array): void {
    this.rounds++;
    this.put(frame);
  }

  /** Takes any other frame. */
  put(frame: Uint8Array): void {
    this.#tracer?.reply(frame);
    if (this.#first === undefined) this.#first = frame;
    else (this.#more ??= [this.#first]).push(frame);
  }

  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const bytes = this.#more === undefined ? first : Buffer.concat(this.#more);
    this.#first = undefined;
    this.#more = undefined;
    if (!this.#io.write(bytes)) this.blocked = true;
  }

  drained(): void {
    this.blocked = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const go of waiting ?? []) go();
  }

  writable(): Promise<void> {
    if (!this.blocked) return Promise.resolve();
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }
}
