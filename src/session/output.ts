import type { ConnectionIo } from './connection-io.js';
import { Tally } from './tally.js';
import type { Tracer } from './tracer.js';

/** Gathers what one entry into the connection has to say, so that it goes out in one write. */
export class Output {
  readonly tally = new Tally();
  readonly #io: ConnectionIo;
  readonly #tracer: Tracer | undefined;
  #first: Uint8Array | undefined;
  #more: Uint8Array[] | undefined;
  #waiting: (() => void)[] | undefined;
  #blocked = false;

  constructor(io: ConnectionIo, tracer?: Tracer) {
    this.#io = io;
    this.#tracer = tracer;
  }

  /** Whether the peer has stopped taking bytes. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Takes a frame that the MTA has been waiting for. */
  answer(bytes: Uint8Array): void {
    this.tally.rounds++;
    this.put(bytes);
  }

  /** Takes one frame. */
  put(bytes: Uint8Array): void {
    this.#tracer?.reply(bytes);
    if (this.#first === undefined) this.#first = bytes;
    else (this.#more ??= [this.#first]).push(bytes);
  }

  flush(): void {
    const first = this.#first;
    if (first === undefined) return;
    const bytes = this.#more === undefined ? first : Buffer.concat(this.#more);
    this.#first = undefined;
    this.#more = undefined;
    if (!this.#io.write(bytes)) this.#blocked = true;
  }

  /** The peer takes bytes again. */
  drained(): void {
    this.#blocked = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const go of waiting ?? []) go();
  }

  /** Resolves as soon as the peer takes bytes. */
  writable(): Promise<void> {
    if (!this.#blocked) return Promise.resolve();
    return new Promise((resolve) => (this.#waiting ??= []).push(resolve));
  }
}
