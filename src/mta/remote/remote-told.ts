import type { Connect, Helo, Mail, Rcpt, StageEvent } from '../../session/flow.js';
import { BIT, bitOf } from '../../session/stage.js';

/** The stages that need no sender to be told before them. */
const BEFORE_MAIL = BIT.connect | BIT.helo | BIT.unknown | BIT.mail;
/** There is no way to these from a header but by the end of the headers. */
const AFTER_HEADERS = BIT.body | BIT.eom;

/**
 * What is known of a session, and how much of it a milter elsewhere has been told on its connection.
 *
 * libmilter does not answer at all where a step is missing: before the content it has to hear of a recipient. So what was
 * passed over is told when it is needed.
 */
export class RemoteTold {
  #connect: Connect | undefined;
  #helo: Helo | undefined;
  #mail: Mail | undefined;
  #recipients: Rcpt[] = [];
  #toldConnect = false;
  #toldHelo: string | undefined;
  #toldMail = false;
  #toldRecipients = 0;
  #toldEoh = false;
  #headers = 0;

  /** Whether it knows that there is a message. */
  get message(): boolean {
    return this.#toldMail;
  }

  /** How many headers of the message it has been told. */
  get headers(): number {
    return this.#headers;
  }

  /** Takes note of who connects, who greets, who sends and to whom. */
  note(event: StageEvent): void {
    if (event.stage === 'connect') this.#connect = event;
    else if (event.stage === 'helo') this.#helo = event;
    else if (event.stage === 'mail') this.#mail = event;
    else if (event.stage === 'rcpt') {
      this.#mail ??= event.mail;
      if (event.rejected === undefined) this.#recipients.push(event);
    }
  }

  /** What it has to be told before the event. */
  before(event: StageEvent): StageEvent[] {
    const { session, stage } = event;
    const untold: StageEvent[] = [];
    if (stage === 'connect') return untold;
    if (!this.#toldConnect) {
      const { host, family, port, address } = session.client;
      const raw = Buffer.from(host);
      untold.push(this.#connect ?? { stage: 'connect', session, host, family, port, address, raw });
    }
    if (stage === 'helo') return untold;
    const { helo } = session;
    if (helo !== undefined && helo !== this.#toldHelo) {
      const noted = this.#helo?.name === helo ? this.#helo : undefined;
      untold.push(noted ?? { stage: 'helo', session, name: helo, raw: Buffer.from(helo) });
    }
    const bit = bitOf(stage);
    if ((bit & BEFORE_MAIL) !== 0) return untold;
    if (!this.#toldMail && this.#mail !== undefined) untold.push(this.#mail);
    // One that is asked about itself is the last of those that are known.
    const recipients = this.#recipients.slice(this.#toldRecipients).filter((one) => one !== event);
    untold.push(...recipients);
    if ((bit & AFTER_HEADERS) !== 0 && !this.#toldEoh) untold.push({ stage: 'eoh', session });
    return untold;
  }

  /** It is being told of the event. */
  telling(event: StageEvent): void {
    const { stage } = event;
    if (stage === 'connect') this.#toldConnect = true;
    else if (stage === 'helo') this.#toldHelo = event.name;
    else if (stage === 'rcpt' && event.rejected === undefined) this.#toldRecipients++;
    else if (stage === 'header') this.#headers++;
    else if (stage === 'eoh') this.#toldEoh = true;
    if ((bitOf(stage) & BEFORE_MAIL) === 0 || stage === 'mail') this.#toldMail = true;
  }

  /** The message is over. */
  endMessage(): void {
    this.#mail = undefined;
    this.#recipients = [];
    this.#forgetMessage();
  }

  /** The connection is over: of a new one nothing has been told yet. */
  forget(): void {
    this.#toldConnect = false;
    this.#toldHelo = undefined;
    this.#forgetMessage();
  }

  /** The session is over. */
  endSession(): void {
    this.#connect = undefined;
    this.#helo = undefined;
    this.endMessage();
    this.forget();
  }

  #forgetMessage(): void {
    this.#toldMail = false;
    this.#toldRecipients = 0;
    this.#toldEoh = false;
    this.#headers = 0;
  }
}
