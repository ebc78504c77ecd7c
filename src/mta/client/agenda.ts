import { COMMANDS, type Command } from '../../transport/wire/commands.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { Agreement } from './agreement.js';
import type { Verdict } from './verdict.js';

/** A command that a milter may be asked about. */
export type MtaEvent = Extract<
  Command,
  { type: 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'header' | 'eoh' | 'body' | 'eom' | 'unknown' }
>;
type EventName = MtaEvent['type'];

const SESSION: readonly EventName[] = ['connect', 'helo'];
/** Postfix sends the macros of these though nobody wants the event. */
const MACROS_ALWAYS: readonly EventName[] = ['connect', 'helo', 'mail', 'rcpt', 'data', 'unknown'];

/**
 * Keeps what a milter has decided and what it has no interest in: says of each event whether it is asked about it.
 */
export class Agenda {
  readonly #agreement: Agreement;
  #over: 'session' | 'message' | undefined;
  #skipping = false;
  #last: EventName | undefined;

  constructor(agreement: Agreement) {
    this.#agreement = agreement;
  }

  /** Whether the milter has done with the SMTP session. */
  get sessionOver(): boolean {
    return this.#over === 'session';
  }

  /** Whether the milter has done with the message, or with more. */
  get messageOver(): boolean {
    return this.#over !== undefined;
  }

  /** What is to be sent for an event: its macros and itself, only its macros, or nothing. */
  plan(name: EventName): 'ask' | 'tell' | 'macros' | 'nothing' {
    const { protocol, version } = this.#agreement;
    const { no, nr, version: since } = COMMANDS[name];
    if (name === 'mail' || name === 'helo') this.messageEnded();
    if (name !== 'body') this.#skipping = false;
    // libmilter without a data callback drops the whole message when an unknown command comes after a recipient.
    const lost = name === 'unknown' && this.#last === 'rcpt' && (protocol & SMFIP.NODATA) !== 0;
    if (this.#over !== undefined || this.#skipping || lost) return 'nothing';
    if ((protocol & no) !== 0 || since > version) return MACROS_ALWAYS.includes(name) ? 'macros' : 'nothing';
    this.#last = name;
    return (protocol & nr) !== 0 ? 'tell' : 'ask';
  }

  /** The message is over, for all sides. */
  messageEnded(): void {
    if (this.#over === 'message') this.#over = undefined;
  }

  /** Takes note of what was decided. */
  decided(name: EventName, { kind }: Verdict): void {
    if (kind === 'skip') this.#skipping = true;
    else if (SESSION.includes(name)) {
      if (kind !== 'continue') this.#over = 'session';
    } else if (name === 'eom') this.#over = 'message';
    else if (name !== 'unknown' && kind !== 'continue' && !(name === 'rcpt' && kind === 'refuse')) {
      this.#over = 'message';
    }
  }
}
