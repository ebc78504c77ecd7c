/** A door that is shut until it is opened; those who wait are counted. */
export class Gate {
  #open: () => void = () => undefined;
  #waiting = 0;
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  /** How many have come to the gate so far. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Settles when the gate is open. */
  pass(): Promise<void> {
    this.#waiting++;
    return this.#opened;
  }

  /** Lets everybody through, now and later. */
  open(): void {
    this.#open();
  }
}
