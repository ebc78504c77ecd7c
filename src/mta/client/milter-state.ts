import { scopeOf } from '../../session/decision-scope.js';
import { accept, discard, proceed, reject, skip } from '../../session/decisions.js';
import { COMMANDS } from '../../transport/wire/commands.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { MtaAgreement } from './agreement.js';
import type { MtaEvent, Verdict } from './answer.js';

type EventName = MtaEvent['type'];

/** Postfix sends the macros of these even where the milter does not want the event. */
const MACROS_ALWAYS: readonly EventName[] = ['connect', 'helo', 'mail', 'rcpt', 'data', 'unknown'];

/** The events that do not follow on SKIP, and on a refused DATA: after that the client may go on with RCPT and DATA. */
const LEFT_OUT: Readonly<Record<'body' | 'content', readonly EventName[]>> = {
  body: ['body'],
  content: ['header', 'eoh', 'body', 'eom'],
};

/** The decision that a verdict amounts to; every refusal has the same scope. */
const DECISIONS = {
  continue: proceed(),
  accept: accept(),
  discard: discard(),
  skip: skip(),
  refuse: reject(),
};

/** The state of a milter, its decisions so far: says of each event whether the milter is asked about it. */
export class MilterState {
  readonly #agreement: MtaAgreement;
  #over: 'connection' | 'message' | keyof typeof LEFT_OUT | undefined;
  #last: EventName | undefined;

  constructor(agreement: MtaAgreement) {
    this.#agreement = agreement;
  }

  /** Whether the milter has decided about the whole SMTP session. */
  get sessionOver(): boolean {
    return this.#over === 'connection';
  }

  /** Whether the milter has decided about the message, or about more. */
  get messageOver(): boolean {
    return this.sessionOver || this.#over === 'message';
  }

  /** The frames for an event: its macros and itself (with or without a reply), only its macros, or none. */
  plan(name: EventName): 'ask' | 'tell' | 'macros' | 'nothing' {
    const { protocol, version } = this.#agreement;
    const { no, nr, version: since } = COMMANDS[name];
    if (name === 'mail' || name === 'helo') this.messageEnded();
    const part = this.#over === 'body' || this.#over === 'content' ? LEFT_OUT[this.#over] : undefined;
    if (part?.includes(name) === false) this.#over = undefined;
    // libmilter without a data callback drops the whole message when an unknown command comes after a recipient.
    const lost = name === 'unknown' && this.#last === 'rcpt' && (protocol & SMFIP.NODATA) !== 0;
    if (this.#over !== undefined || lost) return 'nothing';
    if ((protocol & no) !== 0 || since > version) return MACROS_ALWAYS.includes(name) ? 'macros' : 'nothing';
    this.#last = name;
    return (protocol & nr) !== 0 ? 'tell' : 'ask';
  }

  /** Notes the end of the message, whichever side ended it. */
  messageEnded(): void {
    if (this.#over === 'message') this.#over = undefined;
  }

  /** Notes the milter's verdict. */
  decided(name: EventName, { kind }: Verdict): void {
    const scope = scopeOf(name, DECISIONS[kind]);
    if (scope !== 'event') this.#over = scope;
    else if (name === 'data' && kind === 'refuse') this.#over = 'content';
  }
}
