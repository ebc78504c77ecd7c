import type { StageEvent } from '../session/flow.js';
import { BIT, bitOf } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import { ShadowMessage } from './shadow-look.js';

const OUTSIDE = BIT.connect | BIT.helo;

/** Knows which message of the mail is in progress, and what a filter in the shadow has of it. */
export class ShadowMessages {
  #current: ShadowMessage | undefined;
  /** What the connection knows the message as. */
  #key: object | undefined;

  get current(): ShadowMessage | undefined {
    return this.#current;
  }

  /** The message that the event belongs to, where it belongs to one. */
  of(event: StageEvent): ShadowMessage | undefined {
    const turn = turnOf(event);
    if ((bitOf(event.stage) & OUTSIDE) !== 0) return undefined;
    const key = turn?.message;
    if (event.stage === 'unknown' && key === undefined) return this.#current;
    const begins = turn === undefined ? event.stage === 'mail' : key !== this.#key;
    if (begins) this.forget();
    if (this.#current !== undefined) return this.#current;
    const message = new ShadowMessage();
    this.#current = message;
    this.#key = key;
    key?.onEnd(() => {
      if (this.#current === message) this.forget();
    });
    return message;
  }

  /** For the mail it is over. */
  forget(): void {
    const message = this.#current;
    this.#current = undefined;
    this.#key = undefined;
    if (message === undefined) return;
    message.past = true;
    message.endIfDone();
  }
}
