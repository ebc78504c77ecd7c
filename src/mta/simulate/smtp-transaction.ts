import { USUAL } from '../../session/negotiation/data-size.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { MtaEvent } from '../client/agenda.js';
import type { Answer } from '../client/answer.js';
import type { Macros } from '../client/macro-lists.js';
import { CONTINUE, type Verdict } from '../client/verdict.js';
import { wireMacros } from '../client/wire-macros.js';
import type { Delivery, DeliveryStep } from './delivery.js';
import { draftOf, type Draft } from './draft.js';
import type { GuardedMilter } from './guarded-milter.js';
import type { Habits } from './habits.js';
import { refusedMacros } from './macro-values.js';
import { fieldsOf, pathOf, type Mail, type Path } from './mail.js';
import { makeDelivery } from './make-delivery.js';
import { sendContent } from './send-content.js';

/** The session that a transaction is part of. */
export interface TransactionContext {
  readonly milter: GuardedMilter;
  readonly habits: Habits;
  readonly hostname: string;
  readonly client: ConnectFields;
  readonly helo: string;
  /** `ESMTP` and what else the client has spoken. */
  readonly protocol: string;
  readonly macros: Macros;
  /** How many rounds there were when this message began; 0 for the first. */
  readonly roundsBefore: number;
  /** The dialogue so far. */
  readonly steps: readonly DeliveryStep[];
  /** What every command gets, where the session has been refused. */
  readonly standing: SmtpReply | undefined;
}

const NO_RECIPIENTS: SmtpReply = { code: 554, enhanced: '5.5.1', lines: ['Error: no valid recipients'] };

let lastId = 0;

/** One message of a session, from MAIL to what follows the final dot. */
export class SmtpTransaction {
  readonly #mail: Mail;
  readonly #context: TransactionContext;
  readonly #steps: DeliveryStep[];
  readonly #draft: Draft;
  readonly #id = (++lastId).toString(36).toUpperCase().padStart(10, '0');
  /** Values of macros that came with the mail. */
  readonly #given: Macros;
  readonly #accepted: Required<Path>[] = [];
  readonly #refused: Required<Path>[] = [];
  #answer: Answer = { verdict: CONTINUE, modifications: [] };
  #discarded = false;
  #abandoned = false;
  /** Whether there was a decision after which Sendmail still takes the message for one that the milter is in. */
  #leftOpen = false;

  constructor(mail: Mail, context: TransactionContext) {
    this.#mail = mail;
    this.#context = context;
    this.#given = wireMacros(mail.macros ?? {});
    this.#steps = [...context.steps];
    const { habits, hostname, milter } = context;
    const header = habits.header(fieldsOf(mail.headers ?? []), {
      received: this.#received(),
      id: this.#id,
      hostname,
      sender: pathOf(mail.sender).address,
      date: new Date(),
      leadspc: (milter.protocol & SMFIP.HDR_LEADSPC) !== 0,
    });
    this.#draft = draftOf(mail, header, habits.recipients);
  }

  /** Goes through the dialogue as far as it gets, and tells the milter that it is over. */
  async run(): Promise<Omit<Delivery, 'transcript'>> {
    const { standing, milter } = this.#context;
    // After a 421 nobody is there to talk to.
    if (standing?.code !== 421) {
      if ((await this.#envelope()) && (await this.#data())) await this.#content();
      if (this.#aborts()) await milter.abort();
    }
    return makeDelivery({
      milter,
      draft: this.#draft,
      steps: this.#steps,
      reply: this.#outcomeReply(),
      modifications: this.#answer.modifications,
      discarded: this.#discarded,
      abandoned: this.#abandoned,
      rounds: milter.rounds - this.#context.roundsBefore,
      accepted: this.#accepted,
      refused: this.#refused,
    });
  }

  /**
   * Sendmail says so only where it knows of a message that the milter has not decided about, and after some decisions
   * before its content.
   */
  #aborts(): boolean {
    const { habits, milter } = this.#context;
    const unanswered = (milter.protocol & (SMFIP.NOMAIL | SMFIP.NR_MAIL)) !== 0;
    const undecided = milter.connection?.messageOver !== true;
    return habits.abortsAlways || (!unanswered && (undecided || this.#leftOpen));
  }

  async #envelope(): Promise<boolean> {
    const { reset } = this.#mail;
    if (!(await this.#sender()) || this.#gaveUp(reset === 'mail')) return false;
    return (await this.#recipients()) && !this.#gaveUp(reset === 'rcpt');
  }

  /** Each of these returns whether the dialogue goes on. */
  async #sender(): Promise<boolean> {
    const { address, args } = this.#draft.sender;
    const verdict = await this.#ask(
      { type: 'mail', address: `<${address}>`, args },
      this.#context.habits.address('mail', address),
    );
    return this.#told('mail', verdict, this.#context.habits.fine('mail', address), address);
  }

  async #recipients(): Promise<boolean> {
    for (const recipient of this.#mail.recipients) {
      const { address, args } = pathOf(recipient);
      const refused = typeof recipient === 'string' ? undefined : recipient.refused;
      const verdict = refused
        ? await this.#askRefused(address, args, refused)
        : await this.#askRecipient(address, args);
      const good = this.#told('rcpt', verdict, this.#context.habits.fine('rcpt', address), address);
      (good ? this.#accepted : this.#refused).push({ address, args });
      if (this.#last().code === 421) return false;
    }
    this.#draft.recipients.replace(this.#accepted);
    return this.#accepted.length > 0;
  }

  #askRecipient(address: string, args: readonly string[]): Promise<Verdict> {
    return this.#ask(
      { type: 'rcpt', address: `<${address}>`, args },
      this.#context.habits.address('rcpt', address),
    );
  }

  /** The MTA's own refusal stands, whatever the milter says; only a word on the whole message counts. */
  async #askRefused(address: string, args: readonly string[], reply: SmtpReply): Promise<Verdict> {
    if ((this.#context.milter.protocol & SMFIP.RCPT_REJ) !== 0) {
      const macros = refusedMacros(reply.enhanced ?? '5.1.1', reply.lines.join(' '));
      await this.#ask({ type: 'rcpt', address: `<${address}>`, args }, macros);
    }
    return { kind: 'refuse', reply };
  }

  /** The client gives up, where it has that in mind. */
  #gaveUp(reset: boolean): boolean {
    if (!reset) return false;
    this.#abandoned = true;
    this.#steps.push({ command: 'rset', reply: this.#context.habits.fine('rset', '') });
    return true;
  }

  async #data(): Promise<boolean> {
    const verdict = await this.#ask({ type: 'data' });
    return this.#told('data', verdict, this.#context.habits.fine('data', ''));
  }

  async #content(): Promise<void> {
    const { milter, habits } = this.#context;
    const macros = habits.content(this.#draft.headers);
    this.#answer = await sendContent(this.#draft, milter.connection?.maxData ?? USUAL, async (event) => {
      const answer = await milter.ask(event, this.#macros(macros));
      this.#discarded ||= answer.verdict.kind === 'discard';
      return answer;
    });
    this.#told('message', this.#answer.verdict, habits.fine('message', this.#id));
  }

  async #ask(event: MtaEvent, macros: Macros = {}): Promise<Verdict> {
    const { milter, standing } = this.#context;
    if (standing !== undefined) return { kind: 'refuse', reply: standing };
    const { verdict } = await milter.ask(event, this.#macros(macros));
    this.#discarded ||= verdict.kind === 'discard';
    this.#leftOpen ||=
      (event.type === 'data' && verdict.kind === 'refuse') ||
      (event.type !== 'mail' && verdict.kind === 'discard');
    return verdict;
  }

  /** Postfix has no queue id before it has accepted a recipient. */
  #macros(own: Macros): Macros {
    const id = this.#accepted.length > 0 || this.#context.habits.idAtMail ? { i: this.#id } : {};
    return { ...this.#context.macros, ...id, ...own, ...this.#given };
  }

  #told(command: DeliveryStep['command'], verdict: Verdict, good: SmtpReply, address?: string): boolean {
    const refused = verdict.kind === 'refuse';
    const { habits, standing } = this.#context;
    const reply = refused ? (standing ?? habits.refused(command, verdict.reply, address)) : good;
    this.#steps.push({ command, reply, ...(address === undefined ? {} : { address }) });
    return !refused;
  }

  /** Where nobody was accepted the client goes; it comes back if it may for one of them. */
  #outcomeReply(): SmtpReply {
    const recipients = this.#steps.filter(({ command }) => command === 'rcpt');
    const nobody = this.#steps.at(-1)?.command === 'rcpt' && this.#accepted.length === 0;
    return (nobody ? recipients.find(({ reply }) => reply.code < 500)?.reply : undefined) ?? this.#last();
  }

  #last(): SmtpReply {
    return this.#steps.at(-1)?.reply ?? this.#context.standing ?? NO_RECIPIENTS;
  }

  #received(): string {
    const { client, helo, hostname, protocol } = this.#context;
    const address = client.family === 'inet6' ? `IPv6:${client.address}` : client.address;
    const from = `from ${helo} (${client.host} [${address}])`;
    return `${from}\n\tby ${hostname} with ${protocol} id ${this.#id};\n\t${new Date().toUTCString()}`;
  }
}
