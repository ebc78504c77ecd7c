/** The bytes' way out of a connection, and the reins of its way in. */
export interface ConnectionIo {
  /** Writes; `false` means that the peer does not take it yet and `drained()` will be called when it has. */
  write(bytes: Uint8Array): boolean;
  /** Stops and goes on reading. */
  pause(): void;
  resume(): void;
  /** Writes what is still to be written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** Gathers what one entry into the connection has to say, so that it goes out in one write. */
export class Output {
  readonly #io: ConnectionIo;
  #first: Uint8Array | undefined;
  #more: Uint8Array[] | undefined;
  #waiting: (() => void)[] | undefined;
  #blocked = false;

  constructor(io: ConnectionIo) {
    this.#io = io;
  }

  /** Whether the peer has stopped taking bytes. */
  get blocked(): boolean {
    return this.#blocked;
  }

  put(bytes: Uint8Array): void {
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
