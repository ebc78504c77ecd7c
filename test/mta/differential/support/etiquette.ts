import type { Frame } from './frames.js';
import type { Step } from './steps.js';

const CONTENT = ['header', 'eoh', 'body', 'eom'];

/**
 * What a mail server still says after the replies that it got, as Sendmail and Postfix have it in common: nothing more
 * about what was decided, no message without a recipient, and after a refused DATA a new beginning.
 */
export class Etiquette {
  /** Where it is not, libmilter loses a message that has an unknown command after RCPT. */
  asksAtData = true;
  #session: 'open' | 'decided' = 'open';
  #message: 'none' | 'open' | 'decided' = 'none';
  #recipients = 0;
  #data = false;
  #skipping = false;

  allows(kind: Step['kind']): boolean {
    if (kind === 'quit') return true;
    if (this.#session === 'decided') return false;
    if (kind === 'mail') {
      this.#begin('open');
      return true;
    }
    if (kind === 'helo' || kind === 'abort') {
      this.#begin('none');
      return true;
    }
    if (kind === 'rcpt') return this.#message === 'open' && !this.#data;
    if (kind === 'data') return this.#message === 'open' && this.#recipients > 0 && !this.#data;
    if (kind === 'unknown') return !this.#data && (this.asksAtData || this.#message === 'none');
    if (kind === 'body' && this.#skipping) return false;
    return !CONTENT.includes(kind) || (this.#message === 'open' && this.#data);
  }

  heard(kind: Step['kind'], reply: Frame | undefined): void {
    const letter = reply?.letter ?? 'c';
    if (letter === 'closed' || reply?.data.toString('latin1', 0, 3) === '421') this.#session = 'decided';
    if (kind === 'data') this.#data = true;
    if (kind === 'rcpt' && letter === 'c') this.#recipients++;
    if (kind === 'eom') this.#begin('none');
    if (letter === 'c') return;
    if (kind === 'connect' || kind === 'helo') this.#session = 'decided';
    else if (letter === 's') this.#skipping = true;
    else if (kind === 'rcpt' ? 'ad'.includes(letter) : kind !== 'unknown') this.#message = 'decided';
  }

  #begin(message: 'none' | 'open'): void {
    this.#message = message;
    this.#recipients = 0;
    this.#data = false;
    this.#skipping = false;
  }
}
