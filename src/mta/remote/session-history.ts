import type { Connect, Helo, Mail, Rcpt, StageEvent } from '../../session/flow.js';
import { BIT, bitOf } from '../../session/stage.js';

/** The stages that need no sender before them. */
const BEFORE_MAIL = BIT.connect | BIT.helo | BIT.unknown | BIT.mail;
/** The stages that come after the end of the headers. */
const AFTER_HEADERS = BIT.body | BIT.eom;

/** How much of a message was sent to the milter. */
interface SentMessage {
  /** Whether the milter knows that there is a message. */
  begun: boolean;
  recipients: number;
  headers: number;
  eoh: boolean;
}

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
  #sent: SentMessage = { begun: false, recipients: 0, headers: 0, eoh: false };

  /** How much of the message was sent. */
  get sent(): Readonly<SentMessage> {
    return this.#sent;
  }

  /** Notes an event that may have to be sent later. */
  note(event: StageEvent): void {
    if (event.stage === 'connect') this.#connect = event;
    else if (event.stage === 'helo') this.#helo = event;
    else if (event.stage === 'mail') this.#mail = event;
    else if (event.stage === 'rcpt') {
      this.#mail ??= event.mail;
      if (event.rejected === undefined) this.#recipients.push(event);
    }
  }

  /** The events that have to be sent before this one. */
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

  /** Notes that an event is being sent. */
  sending(event: StageEvent): void {
    const { stage } = event;
    if (stage === 'connect') this.#sentConnect = true;
    else if (stage === 'helo') this.#sentHelo = event.name;
    else if (stage === 'rcpt' && event.rejected === undefined) this.#sent.recipients++;
    else if (stage === 'header') this.#sent.headers++;
    else if (stage === 'eoh') this.#sent.eoh = true;
    if ((bitOf(stage) & BEFORE_MAIL) === 0 || stage === 'mail') this.#sent.begun = true;
  }

  /** The message is over. */
  endMessage(): void {
    this.#mail = undefined;
    this.#recipients = [];
    this.#sent = { begun: false, recipients: 0, headers: 0, eoh: false };
  }

  /** The connection is over: on a new one nothing was sent yet. */
  forgetSent(): void {
    this.#sentConnect = false;
    this.#sentHelo = undefined;
    this.#sent = { begun: false, recipients: 0, headers: 0, eoh: false };
  }

  /** The session is over. */
  endSession(): void {
    this.#connect = undefined;
    this.#helo = undefined;
    this.endMessage();
    this.forgetSent();
  }
}
