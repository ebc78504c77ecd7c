/** A notice is given again after this time at the earliest, in milliseconds. */
const INTERVAL = 60_000;

/** Warns of events that may be very frequent: at the first one, then at most once a minute with the number since. */
export class Notice {
  readonly #text: (count: number, last: string) => string;
  #count = 0;
  #last = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(text: (count: number, last: string) => string) {
    this.#text = text;
  }

  add(last = ''): void {
    this.#count++;
    this.#last = last;
    if (this.#timer === undefined) this.#warn();
  }

  close(): void {
    if (this.#count > 0) this.#warn();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #warn(): void {
    process.emitWarning(this.#text(this.#count, this.#last), { type: 'MilterWarning' });
    this.#count = 0;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#warn();
    }, INTERVAL).unref();
  }
}

export function connectionsWere(count: number): string {
  return count === 1 ? '1 connection was' : `${count} connections were`;
}
