/** A notice is given again after this time at the earliest, in milliseconds. */
const INTERVAL = 60_000;

/**
 * Tells of what may happen very often, as a warning of the process: the first time at once, then at most once a minute, with
 * how often it happened since.
 */
export class Notice {
  readonly #text: (count: number, last: string) => string;
  #count = 0;
  #last = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param text what to say of so many times, and of the last one */
  constructor(text: (count: number, last: string) => string) {
    this.#text = text;
  }

  /** It has happened once more. */
  add(last = ''): void {
    this.#count++;
    this.#last = last;
    if (this.#timer === undefined) this.#tell();
  }

  /** Tells of what was not told yet. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#count > 0) this.#tell();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    process.emitWarning(this.#text(this.#count, this.#last), { type: 'MilterWarning' });
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#tell();
    }, INTERVAL).unref();
  }
}

/** "1 connection was" or "2 connections were". */
export function connectionsWere(count: number): string {
  return count === 1 ? '1 connection was' : `${count} connections were`;
}
