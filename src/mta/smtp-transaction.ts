import type { SmtpReply } from '../session/smtp-reply.js';
import type { ConnectFields } from '../transport/layouts/connect.js';
import { SMFIP } from '../transport/smfip.js';
import type { MtaEvent } from './agenda.js';
import type { Answer } from './answer.js';
import type { Delivery, DeliveryStep } from './delivery.js';
import { draftOf, type Draft } from './draft.js';
import type { GuardedMilter } from './guarded-milter.js';
import type { Macros } from './macro-lists.js';
import { addressMacros, refusedMacros } from './macro-values.js';
import { pathOf, type Mail, type Path } from './mail.js';
import { makeDelivery } from './make-delivery.js';
import { sendContent } from './send-content.js';
import { CONTINUE, type Verdict } from './verdict.js';

/** The session that a transaction is part of. */
export interface TransactionContext {
  readonly milter: GuardedMilter;
  readonly hostname: string;
  readonly client: ConnectFields;
  readonly helo: string;
  readonly macros: Macros;
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
  readonly #accepted: Required<Path>[] = [];
  readonly #refused: string[] = [];
  #answer: Answer = { verdict: CONTINUE, modifications: [] };
  #discarded = false;

  constructor(mail: Mail, context: TransactionContext) {
    this.#mail = mail;
    this.#context = context;
    this.#steps = [...context.steps];
    const leadspc = ((context.milter.connection?.agreement.protocol ?? 0) & SMFIP.HDR_LEADSPC) !== 0;
    this.#draft = draftOf(mail, leadspc, this.#received());
  }

  /** Goes through the dialogue as far as it gets, and tells the milter that it is over. */
  async run(): Promise<Omit<Delivery, 'transcript'>> {
    const { standing, milter } = this.#context;
    // After a 421 nobody is there to talk to.
    if (standing?.code !== 421) {
      if ((await this.#sender()) && (await this.#recipients()) && (await this.#data())) await this.#content();
      await milter.abort();
    }
    return makeDelivery({
      milter,
      draft: this.#draft,
      steps: this.#steps,
      reply: this.#outcomeReply(),
      modifications: this.#answer.modifications,
      discarded: this.#discarded,
      accepted: this.#accepted.map(({ address }) => address),
      refused: this.#refused,
    });
  }

  /** Each of these returns whether the dialogue goes on. */
  async #sender(): Promise<boolean> {
    const { address, args } = this.#draft.sender;
    const verdict = await this.#ask(
      { type: 'mail', address: `<${address}>`, args },
      addressMacros('mail', address),
    );
    return this.#told('mail', verdict, { code: 250, enhanced: '2.1.0', lines: ['Ok'] }, address);
  }

  async #recipients(): Promise<boolean> {
    for (const recipient of this.#mail.recipients) {
      const { address, args } = pathOf(recipient);
      const refused = typeof recipient === 'string' ? undefined : recipient.refused;
      const verdict = refused
        ? await this.#askRefused(address, args, refused)
        : await this.#askRecipient(address, args);
      const good = this.#told('rcpt', verdict, { code: 250, enhanced: '2.1.5', lines: ['Ok'] }, address);
      if (good) this.#accepted.push({ address, args });
      else this.#refused.push(address);
      if (this.#last().code === 421) return false;
    }
    this.#draft.recipients = [...this.#accepted];
    return this.#accepted.length > 0;
  }

  #askRecipient(address: string, args: readonly string[]): Promise<Verdict> {
    return this.#ask({ type: 'rcpt', address: `<${address}>`, args }, addressMacros('rcpt', address));
  }

  /** The MTA's own refusal stands, whatever the milter says; only a word on the whole message counts. */
  async #askRefused(address: string, args: readonly string[], reply: SmtpReply): Promise<Verdict> {
    const wanted = (this.#context.milter.connection?.agreement.protocol ?? 0) & SMFIP.RCPT_REJ;
    if (wanted !== 0) {
      const macros = refusedMacros(reply.enhanced ?? '5.1.1', reply.lines.join(' '));
      await this.#ask({ type: 'rcpt', address: `<${address}>`, args }, macros);
    }
    return { kind: 'refuse', reply };
  }

  async #data(): Promise<boolean> {
    const verdict = await this.#ask({ type: 'data' });
    return this.#told('data', verdict, { code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] });
  }

  async #content(): Promise<void> {
    this.#answer = await sendContent(this.#draft, async (event) => {
      const answer = await this.#context.milter.ask(event, this.#macros({}));
      this.#discarded ||= answer.verdict.kind === 'discard';
      return answer;
    });
    const queued: SmtpReply = { code: 250, enhanced: '2.0.0', lines: [`Ok: queued as ${this.#id}`] };
    this.#told('message', this.#answer.verdict, queued);
  }

  async #ask(event: MtaEvent, macros: Macros = {}): Promise<Verdict> {
    const { milter, standing } = this.#context;
    if (standing !== undefined) return { kind: 'refuse', reply: standing };
    const { verdict } = await milter.ask(event, this.#macros(macros));
    this.#discarded ||= verdict.kind === 'discard';
    return verdict;
  }

  /** Postfix has no queue id before it has accepted a recipient. */
  #macros(own: Macros): Macros {
    const id = this.#accepted.length > 0 ? { i: this.#id } : {};
    return { ...this.#context.macros, ...id, ...own, ...this.#mail.macros };
  }

  #told(command: DeliveryStep['command'], verdict: Verdict, good: SmtpReply, address?: string): boolean {
    const refused = verdict.kind === 'refuse';
    const reply = refused ? verdict.reply : good;
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
    const { client, helo, hostname } = this.#context;
    const from = `from ${helo} (${client.host} [${client.address}])`;
    return `${from}\n\tby ${hostname} with ESMTP id ${this.#id};\n\t${new Date().toUTCString()}`;
  }
}
