import type { MtaEvent } from '../mta/client/answer.js';

type Step = MtaEvent['type'];

/** What an SMTP client has said before it gets to a step. */
const BEFORE: Readonly<Record<Step, readonly Step[]>> = {
  connect: [],
  helo: ['connect'],
  mail: ['connect', 'helo'],
  rcpt: ['connect', 'helo', 'mail'],
  data: ['connect', 'helo', 'mail', 'rcpt'],
  header: ['connect', 'helo', 'mail', 'rcpt', 'data'],
  eoh: ['connect', 'helo', 'mail', 'rcpt', 'data'],
  body: ['connect', 'helo', 'mail', 'rcpt', 'data', 'eoh'],
  eom: ['connect', 'helo', 'mail', 'rcpt', 'data', 'eoh'],
  unknown: ['connect'],
};
const OF_THE_CONNECTION: readonly Step[] = ['connect', 'helo'];
/** What may be refused without an end of the message. */
const ONE_OF_MANY: readonly Step[] = [...OF_THE_CONNECTION, 'rcpt', 'unknown'];

/** Keeps how far an SMTP dialogue has come. */
export class Steps {
  readonly #done = new Set<Step>();

  /** What has to happen before a step and has not yet. */
  missing(step: Step): readonly Step[] {
    return BEFORE[step].filter((one) => !this.#done.has(one));
  }

  /** Whether there is a message that an MTA has not told the end of. */
  get inMessage(): boolean {
    return this.#done.has('mail');
  }

  /** A step was taken; one that was refused, other than that of the client itself, has not happened. */
  told(step: Step, refused: boolean): void {
    if (!refused || OF_THE_CONNECTION.includes(step)) this.#done.add(step);
    const over = refused && !ONE_OF_MANY.includes(step);
    if (step === 'eom' || over) this.endMessage();
  }

  /** The message is over, and the next begins at `mail`. */
  endMessage(): void {
    for (const step of this.#done) if (!OF_THE_CONNECTION.includes(step)) this.#done.delete(step);
  }
}
