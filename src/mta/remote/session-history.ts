import type { Connect, Helo, Mail, Rcpt, StageEvent } from '../../session/flow.js';
import { BIT, bitOf } from '../../session/stage.js';

/** The stages that need no sender before them. */
const BEFORE_MAIL = BIT.connect | BIT.helo | BIT.unknown | BIT.mail;
/** The stages that come after the end of the headers. */
const AFTER_HEADERS = BIT.body | BIT.eom;

/** How much of a message was sent to the milter; `begun` is whether the milter knows that there is one. */
type SentMessage = typeof NO_MESSAGE;
const NO_MESSAGE = { begun: false, recipients: 0, headers: 0, eoh: false };

/**
 * The events of a session so far, and which of them were sent to a milter elsewhere on its connection.
 *
 * libmilter does not answer at all where a step is missing: before the content it has to hear of a recipient. So events
 * that were passed over are sent when they are needed.
 */
export class SessionHistory {
  #connect: Connect | undefined;
  #helo: Helo | undefined;
  #mail: Mail | undefined;
  #recipients: Rcpt[] = [];
  #sentConnect = false;
  #sentHelo: string | undefined;
  #sent = { ...NO_MESSAGE };

  get sent(): Readonly<SentMessage> {
    return this.#sent;
  }

  note(event: StageEvent): void {
    if (event.stage === 'connect') this.#connect = event;
    else if (event.stage === 'helo') this.#helo = event;
    else if (event.stage === 'mail') this.#mail = event;
    else if (event.stage === 'rcpt') {
      this.#mail ??= event.mail;
      if (event.rejected === undefined) this.#recipients.push(event);
    }
  }

  before(event: StageEvent): StageEvent[] {
    const { session, stage } = event;
    const { helo, client } = session;
    const missing: StageEvent[] = [];
    if (stage === 'connect') return missing;
    if (!this.#sentConnect) {
      const { host, family, port, address } = client;
      const raw = Buffer.from(host);
      missing.push(this.#connect ?? { stage: 'connect', session, host, family, port, address, raw });
    }
    if (stage === 'helo') return missing;
    if (helo !== undefined && helo !== this.#sentHelo) {
      const noted = this.#helo?.name === helo ? this.#helo : undefined;
      missing.push(noted ?? { stage: 'helo', session, name: helo, raw: Buffer.from(helo) });
    }
    const bit = bitOf(stage);
    if ((bit & BEFORE_MAIL) !== 0) return missing;
    if (!this.#sent.begun && this.#mail !== undefined) missing.push(this.#mail);
    // A recipient that is asked about is the last of those that were noted.
    missing.push(...this.#recipients.slice(this.#sent.recipients).filter((one) => one !== event));
    if ((bit & AFTER_HEADERS) !== 0 && !this.#sent.eoh) missing.push({ stage: 'eoh', session });
    return missing;
  }

  sending(event: StageEvent): void {
    const { stage } = event;
    if (stage === 'connect') this.#sentConnect = true;
    else if (stage === 'helo') this.#sentHelo = event.name;
    else if (stage === 'rcpt' && event.rejected === undefined) this.#sent.recipients++;
    else if (stage === 'header') this.#sent.headers++;
    else if (stage === 'eoh') this.#sent.eoh = true;
    if ((bitOf(stage) & BEFORE_MAIL) === 0 || stage === 'mail') this.#sent.begun = true;
  }

  endMessage(): void {
    this.#mail = undefined;
    this.#recipients = [];
    this.#sent = { ...NO_MESSAGE };
  }

  /** The connection is over: on a new one nothing was sent yet. */
  forgetSent(): void {
    this.#sentConnect = false;
    this.#sentHelo = undefined;
    this.#sent = { ...NO_MESSAGE };
  }

  endSession(): void {
    this.#connect = undefined;
    this.#helo = undefined;
    this.endMessage();
    this.forgetSent();
  }
}
