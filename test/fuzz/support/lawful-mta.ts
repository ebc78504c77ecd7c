import fc from 'fast-check';

import type { Conversation, Move } from './conversation.js';
import type { AgreedTerms } from './decode-reply.js';
import { MtaCommand, NO, anyCommand } from './mta-command.js';

/** Whose habits an MTA has: chapter and verse is what each sends at the end of things. */
export type Habits = 'postfix' | 'sendmail' | 'local';

/** What an SMTP client does. */
export type SmtpStep =
  | { readonly smtp: 'ehlo' | 'mail' | 'rcpt' | 'unknown'; readonly command: MtaCommand }
  /** A recipient that the MTA refuses by itself. */
  | { readonly smtp: 'refused rcpt'; readonly command: MtaCommand }
  | {
      readonly smtp: 'data';
      readonly command: MtaCommand;
      readonly headers: readonly MtaCommand[];
      readonly eoh: MtaCommand;
      readonly body: readonly MtaCommand[];
      readonly eom: MtaCommand;
      /** The client is gone before its message is complete. */
      readonly cut: boolean;
    }
  | { readonly smtp: 'rset' };

/** Everything an SMTP client does on one connection. */
export interface SmtpScript {
  readonly connect: MtaCommand;
  readonly steps: readonly SmtpStep[];
  /** How it ends: with QUIT, without a word, or so that another SMTP connection follows on the same milter connection. */
  readonly end: 'quit' | 'vanish' | 'quit_nc';
}

const step: fc.Arbitrary<SmtpStep> = fc.oneof(
  { weight: 1, arbitrary: anyCommand('H').map((command) => ({ smtp: 'ehlo' as const, command })) },
  { weight: 4, arbitrary: anyCommand('M').map((command) => ({ smtp: 'mail' as const, command })) },
  { weight: 5, arbitrary: anyCommand('R').map((command) => ({ smtp: 'rcpt' as const, command })) },
  { weight: 1, arbitrary: anyCommand('R').map((command) => ({ smtp: 'refused rcpt' as const, command })) },
  { weight: 1, arbitrary: anyCommand('U').map((command) => ({ smtp: 'unknown' as const, command })) },
  { weight: 1, arbitrary: fc.constant({ smtp: 'rset' as const }) },
  {
    weight: 5,
    arbitrary: fc.record({
      smtp: fc.constant('data' as const),
      command: anyCommand('T'),
      headers: fc.array(anyCommand('L'), { maxLength: 3 }),
      eoh: anyCommand('N'),
      body: fc.array(anyCommand('B'), { maxLength: 3 }),
      eom: anyCommand('E'),
      cut: fc.oneof(
        { weight: 9, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
    }),
  },
);

/** A client that says things in a sensible order, or tries others. */
export const smtpScript: fc.Arbitrary<SmtpScript> = fc.record({
  connect: anyCommand('C'),
  steps: fc
    .tuple(anyCommand('H'), anyCommand('M'), anyCommand('R'), fc.array(step, { maxLength: 12, size: 'max' }))
    .map(([helo, mail, rcpt, steps]) => [
      { smtp: 'ehlo' as const, command: helo },
      { smtp: 'mail' as const, command: mail },
      { smtp: 'rcpt' as const, command: rcpt },
      ...steps,
    ]),
  end: fc.constantFrom('quit', 'quit', 'vanish', 'quit_nc'),
});

const ABORT: Move = { do: 'ask', command: new MtaCommand('A') };
const REFUSALS = 'rty';

/** An MTA that keeps to the protocol and to what it agreed to. */
export class LawfulMta {
  readonly #terms: AgreedTerms;
  readonly #habits: Habits;
  /** A MAIL is open; the filter wants nothing more of it; recipients were accepted. */
  #open = false;
  #done = false;
  #recipients = 0;
  /** The whole connection was decided. */
  #over = false;
  /** So is the conversation. */
  #vanished = false;

  constructor(terms: AgreedTerms, habits: Habits) {
    this.#terms = terms;
    this.#habits = habits;
  }

  *converse(script: SmtpScript): Conversation {
    yield* this.#session(script.connect);
    for (const one of script.steps) {
      if (this.#over) break;
      yield* this.#step(one);
      if (this.#vanished) return;
    }
    if (this.#habits === 'postfix' && !this.#over) {
      if (this.#open) yield ABORT;
      yield ABORT;
    }
    if (script.end === 'quit_nc' && this.#terms.version >= 6) {
      yield { do: 'ask', command: new MtaCommand('K') };
      this.#over = this.#open = false;
      yield* this.#session(script.connect);
    }
    if (script.end === 'vanish' || (this.#over && this.#habits === 'postfix')) {
      yield { do: 'vanish', within: undefined };
    } else {
      yield { do: 'ask', command: new MtaCommand('Q') };
    }
  }

  *#session(connect: MtaCommand): Conversation {
    const letter = yield* this.#event(connect);
    if (letter !== 'c') this.#over = true;
  }

  *#step(one: SmtpStep): Conversation {
    switch (one.smtp) {
      case 'ehlo':
        return yield* this.#ehlo(one.command);
      case 'mail':
        return yield* this.#mail(one.command);
      case 'rcpt':
        return yield* this.#rcpt(one.command);
      case 'refused rcpt':
        return yield* this.#refusedRcpt(one.command);
      case 'unknown':
        yield* this.#event(one.command);
        return;
      case 'rset':
        if (this.#open) yield* this.#abort();
        return;
      case 'data':
        return yield* this.#data(one);
    }
  }

  *#ehlo(command: MtaCommand): Conversation {
    const open = this.#open;
    if (open && this.#habits === 'sendmail') yield* this.#abort();
    const letter = yield* this.#event(command);
    if (letter !== 'c') this.#over = true;
    if (open && this.#habits === 'postfix') {
      yield ABORT;
      yield* this.#abort();
    }
    this.#open = false;
  }

  *#mail(command: MtaCommand): Conversation {
    // The MTA itself refuses a MAIL within a transaction.
    if (this.#open) return;
    this.#recipients = 0;
    const letter = yield* this.#event(command);
    this.#done = letter === 'a' || letter === 'd';
    this.#open = !REFUSALS.includes(letter);
    if (!this.#open) yield* this.#afterwards();
  }

  *#rcpt(command: MtaCommand): Conversation {
    if (!this.#open) return;
    if (this.#done) {
      this.#recipients++;
      return;
    }
    const letter = yield* this.#event(command);
    if (letter === 'a' || letter === 'd') this.#done = true;
    if (!REFUSALS.includes(letter)) this.#recipients++;
  }

  /** Sendmail sends the macros of such a one; with RCPT_REJ agreed on both tell of it. */
  *#refusedRcpt(command: MtaCommand): Conversation {
    if (!this.#open || this.#done) return;
    const told = new MtaCommand('R', command.data, ['{rcpt_mailer}', 'error', '{rcpt_addr}', 'no such user']);
    if ((this.#terms.protocol & 0x800) !== 0) {
      const letter = yield* this.#event(told);
      if (letter === 'a' || letter === 'd') this.#done = true;
    } else if (this.#habits === 'sendmail') {
      yield { do: 'macros', command: told };
    }
  }

  *#data(one: Extract<SmtpStep, { smtp: 'data' }>): Conversation {
    if (!this.#open || this.#recipients === 0) return;
    if (!this.#done) {
      const letter = yield* this.#event(one.command);
      // The transaction stays open: the client may send RCPT and DATA again.
      if (REFUSALS.includes(letter)) return;
      if (letter !== 'c') this.#done = true;
    }
    if (one.cut) {
      this.#vanished = true;
      if (this.#habits === 'postfix') {
        yield ABORT;
        yield ABORT;
        yield { do: 'ask', command: new MtaCommand('Q') };
      } else {
        yield { do: 'vanish', within: undefined };
      }
      return;
    }
    if (!this.#done) yield* this.#content(one);
    this.#open = false;
    yield* this.#afterwards();
  }

  /** Headers, body and end, until the filter has decided. */
  *#content({ headers, eoh, body, eom }: Extract<SmtpStep, { smtp: 'data' }>): Conversation {
    for (const command of [...headers, eoh]) if ((yield* this.#event(command)) !== 'c') return;
    for (const command of body) {
      const letter = yield* this.#event(command);
      if (letter === 's') break;
      if (letter !== 'c') return;
    }
    yield* this.#event(eom);
  }

  /** An event, unless it was agreed to leave it out; its macros are sent where they always are. */
  *#event(command: MtaCommand): Generator<Move, string, string> {
    const { letter } = command;
    const { version, protocol } = this.#terms;
    const unborn = (letter === 'U' && version < 3) || (letter === 'T' && version < 4);
    if (!unborn && ((NO[letter] ?? 0) & protocol) === 0) return (yield { do: 'ask', command }) || 'c';
    if ('CHMRT'.includes(letter) && command.macros !== undefined) yield { do: 'macros', command };
    return 'c';
  }

  *#abort(): Conversation {
    this.#open = false;
    // Sendmail does not know that it is within a message where it did not ask about its beginning.
    const known = ((0x4 | 0x4000) & this.#terms.protocol) === 0;
    if (this.#habits !== 'sendmail' || known) yield ABORT;
  }

  /** What follows a message that is over. */
  *#afterwards(): Conversation {
    if (this.#habits === 'postfix') yield ABORT;
  }
}
