import { USUAL } from '../../session/negotiation/terms.js';
import type { KnownProfile, MessageDecision } from '../../session/profiles/profile.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import { SMFIP } from '../../transport/wire/flags.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import { decodeText } from '../../transport/wire/text.js';
import { CONTINUE, type MtaAnswer, type MtaEvent, type Verdict } from '../client/answer.js';
import { type MtaMacros, wireMacros } from '../client/macros.js';
import type { Delivery, DeliveryOutcome, DeliveryStep } from './delivery.js';
import type { GuardedMilter } from './guarded-milter.js';
import type { RawField } from './header-list.js';
import { type MailServer, literalOf, replyFrom } from './mail-server.js';
import { type Mail, type Path, fieldsOf, pathOf } from './mail.js';
import { type MtaDraft, applyModifications, draftOf } from './mta-draft.js';

export interface SmtpSession {
  /** The milter of the session, or of the message in progress. */
  milter: GuardedMilter;
  readonly profile: KnownProfile;
  readonly server: MailServer;
  readonly hostname: string;
  readonly client: ConnectFields;
  /** `ESMTP`, and `S` and `A` where the client uses TLS and has logged in. */
  readonly protocol: string;
  readonly macros: MtaMacros;
  helo: string;
  /** The reply to every command, where the session has been refused. */
  standing: SmtpReply | undefined;
}

/** The events that a mail server does not ask about before a later one. */
const EARLY: Readonly<Record<KnownProfile['asksFrom'], readonly string[]>> = {
  connect: [],
  rcpt: ['connect', 'helo', 'mail'],
  message: ['connect', 'helo', 'mail', 'rcpt', 'data'],
};

const NO_RECIPIENTS: SmtpReply = { code: 554, enhanced: '5.5.1', lines: ['Error: no valid recipients'] };

let lastId = 0;

/** One message of a session, from MAIL to the reply to the final dot. */
export class SmtpTransaction {
  readonly #mail: Mail;
  readonly #session: SmtpSession;
  readonly #steps: DeliveryStep[];
  readonly #draft: MtaDraft;
  readonly #id = (++lastId).toString(36).toUpperCase().padStart(10, '0');
  readonly #given: MtaMacros;
  readonly #accepted: Required<Path>[] = [];
  readonly #refused: Required<Path>[] = [];
  /** The header as it came, with an empty line, where that is a part of the body to a milter. */
  readonly #repeated: Buffer;
  readonly #decisions: MessageDecision[] = [];
  /** What the milter is still to be asked about, by a mail server that asks late. */
  readonly #due: (readonly [event: MtaEvent, own: MtaMacros])[] = [];
  readonly #askedAbout = new Set<string>();
  #answer: MtaAnswer = CONTINUE;
  /** The answer to an event of before, which stands for all that follows. */
  #late: MtaAnswer | undefined;
  #discarded = false;
  #abandoned = false;

  constructor(mail: Mail, session: SmtpSession, steps: readonly DeliveryStep[]) {
    this.#mail = mail;
    this.#session = session;
    this.#given = wireMacros(mail.macros ?? {});
    this.#steps = [...steps];
    const { server, hostname, milter, profile, client, helo } = session;
    if (profile.asksFrom !== 'connect') {
      this.#due.push(
        [{ type: 'connect', ...server.client(client, helo) }, {}],
        [{ type: 'helo', text: helo }, {}],
      );
    }
    const fields = fieldsOf(mail.headers ?? []);
    const end = fields.findIndex((field) => server.endsHeader?.(field));
    const header = server.header(end === -1 ? fields : fields.slice(0, end), {
      received: this.#received(),
      id: this.#id,
      hostname,
      sender: pathOf(mail.sender).address,
      date: new Date(),
      leadspc: (milter.protocol & SMFIP.HDR_LEADSPC) !== 0,
    });
    this.#draft = draftOf(mail, header, server.recipients);
    if (end !== -1) {
      // The end of the first line is lost.
      const lines = [
        linesOf(fields.slice(end, end + 1)).subarray(0, -2),
        linesOf(fields.slice(end + 1)),
        CRLF,
      ];
      this.#draft.body = Buffer.concat([...lines, this.#draft.body]);
    }
    this.#repeated = profile.repeatsHeader ? Buffer.concat([linesOf(fields), CRLF]) : Buffer.alloc(0);
  }

  /** @param roundsBefore how many rounds there were when this message began; 0 for the first */
  async run(roundsBefore: number): Promise<Omit<Delivery, 'transcript'>> {
    const { standing, milter, profile } = this.#session;
    // A 421 has closed the SMTP connection.
    if (standing?.code !== 421) {
      if (await this.#envelope()) await this.#content();
      if (this.#aborts()) await milter.end('abort');
      if (profile.asksFrom !== 'connect') await milter.end('quit');
    }
    const draft = this.#draft;
    const before = draft.recipients.list();
    const reply = this.#outcomeReply();
    const outcome = this.#settle(reply);
    const recipients = draft.recipients.list();
    return {
      outcome,
      reply,
      steps: this.#steps,
      accepted: this.#accepted,
      refused: this.#refused,
      added: without(recipients, before),
      removed: without(before, recipients),
      sender: draft.sender,
      recipients,
      headers: draft.headers.list(),
      body: draft.body,
      message: Buffer.concat([draft.headers.toBytes(), Buffer.from('\r\n'), draft.body]),
      quarantined: draft.quarantined,
      rounds: milter.rounds - roundsBefore,
      modifications: this.#answer.modifications,
      agreement: milter.connection?.agreement,
      failure: milter.failure,
    };
  }

  #settle(reply: SmtpReply): DeliveryOutcome {
    const draft = this.#draft;
    if (reply.code >= 400) return reply.code >= 500 ? 'refused' : 'deferred';
    if (this.#abandoned) return 'abandoned';
    if (this.#discarded) return 'discarded';
    applyModifications(draft, this.#answer.modifications, this.#session);
    if (this.#session.milter.holds) draft.quarantined ??= 'the milter failed';
    return draft.quarantined === undefined ? 'delivered' : 'quarantined';
  }

  #aborts(): boolean {
    const { profile, milter } = this.#session;
    return profile.aborts({
      decisions: this.#decisions,
      decided: milter.connection?.messageOver === true,
      asksSender: (milter.protocol & (SMFIP.NOMAIL | SMFIP.NR_MAIL)) === 0,
    });
  }

  async #envelope(): Promise<boolean> {
    const { reset } = this.#mail;
    const { sender } = this.#draft;
    const verdict = await this.#askPath('mail', sender);
    if (!this.#step('mail', verdict, sender.address) || this.#gaveUp(reset === 'mail')) return false;
    if (!(await this.#recipients()) || this.#gaveUp(reset === 'rcpt')) return false;
    return this.#step('data', (await this.#ask({ type: 'data' })).verdict);
  }

  async #recipients(): Promise<boolean> {
    for (const recipient of this.#mail.recipients) {
      const path = pathOf(recipient);
      const refusal = typeof recipient === 'string' ? undefined : recipient.refused;
      const good = this.#step('rcpt', await this.#askPath('rcpt', path, refusal), path.address);
      (good ? this.#accepted : this.#refused).push(path);
      if (this.#last().code === 421) return false;
    }
    this.#draft.recipients.replace(this.#accepted);
    return this.#accepted.length > 0;
  }

  /** @param refusal the MTA's own: it stands, and of the milter's answer only a discard counts */
  async #askPath(type: 'mail' | 'rcpt', path: Required<Path>, refusal?: SmtpReply): Promise<Verdict> {
    const { milter, server, profile } = this.#session;
    const address = profile.smallRecipients ? path.address.toLowerCase() : path.address;
    const { showsArguments } = profile;
    const args = path.args.filter((arg) => showsArguments?.includes(arg.toUpperCase()) !== false);
    const event: MtaEvent = { type, address: `<${address}>`, args };
    if (refusal === undefined) {
      if (type === 'rcpt' && this.#wasAskedAbout(path)) return CONTINUE.verdict;
      return (await this.#ask(event, server.address(type, address))).verdict;
    }
    if ((milter.protocol & SMFIP.RCPT_REJ) !== 0) {
      const { enhanced = '5.1.1', lines } = refusal;
      const macros = { '{rcpt_mailer}': 'error', '{rcpt_host}': enhanced, '{rcpt_addr}': lines.join(' ') };
      await this.#ask(event, macros);
    }
    return { kind: 'refuse', reply: refusal };
  }

  /** A server with a connection for each message asks about a recipient once, however often the client names it. */
  #wasAskedAbout(path: Required<Path>): boolean {
    const { profile, server } = this.#session;
    const key = server.recipients.key(path, 'client');
    const before = this.#askedAbout.has(key);
    this.#askedAbout.add(key);
    return before && profile.asksFrom !== 'connect';
  }

  #gaveUp(reset: boolean): boolean {
    if (!reset) return false;
    this.#abandoned = true;
    this.#steps.push({ command: 'rset', reply: this.#acceptance('rset') });
    return true;
  }

  async #content(): Promise<void> {
    const macros = this.#session.server.content(this.#draft.headers);
    for (const event of this.#contentEvents()) {
      this.#answer = await this.#ask(event, macros);
      const { kind } = this.#answer.verdict;
      // After skip the connection sends no more of the body.
      if (kind !== 'continue' && kind !== 'skip') break;
    }
    this.#step('message', this.#answer.verdict);
  }

  *#contentEvents(): Generator<MtaEvent> {
    const { headers, body } = this.#draft;
    const chunk = this.#session.milter.connection?.maxData ?? USUAL;
    for (const { name, raw } of headers.shown()) {
      yield { type: 'header', name, value: decodeText(raw, 0, raw.length), raw };
    }
    yield { type: 'eoh' };
    const content = Buffer.concat([this.#repeated, body]);
    for (let at = 0; at < content.length; at += chunk) {
      yield { type: 'body', data: content.subarray(at, at + chunk) };
    }
    yield { type: 'eom', data: Buffer.alloc(0) };
  }

  /** Asks about an event when its mail server does: at once, or together with a later one; then the first refusal counts. */
  async #ask(event: MtaEvent, own: MtaMacros = {}): Promise<MtaAnswer> {
    const { standing, profile } = this.#session;
    if (standing !== undefined) return { verdict: { kind: 'refuse', reply: standing }, modifications: [] };
    if (this.#late !== undefined) return this.#late;
    this.#due.push([event, own]);
    if (EARLY[profile.asksFrom].includes(event.type)) return CONTINUE;
    for (;;) {
      const [next, macros] = this.#due.shift() ?? [event, own];
      const answer = await this.#put(next, macros);
      if (next === event) return answer;
      const { kind } = answer.verdict;
      if (kind === 'refuse' || kind === 'discard') return (this.#late = answer);
    }
  }

  async #put(event: MtaEvent, own: MtaMacros): Promise<MtaAnswer> {
    const { milter, profile, macros } = this.#session;
    // Postfix has no queue id before it has accepted a recipient.
    const id = this.#accepted.length > 0 || profile.idAtMail ? { i: this.#id } : {};
    const answer = await milter.ask(event, { ...macros, ...id, ...own, ...this.#given });
    const { kind } = answer.verdict;
    this.#discarded ||= kind === 'discard';
    if (kind !== 'continue') this.#decisions.push({ stage: event.type, kind });
    return answer;
  }

  /** Notes the reply to a command; returns whether it was accepted. */
  #step(command: keyof MailServer['accepts'], verdict: Verdict, address?: string): boolean {
    const { server, standing } = this.#session;
    const refused = verdict.kind === 'refuse';
    const reply = refused
      ? (standing ?? server.refused(command, verdict.reply, { id: this.#id, address }))
      : ((verdict.kind === 'discard' ? server.discarded : undefined) ?? this.#acceptance(command, address));
    this.#steps.push({ command, reply, ...(address === undefined ? {} : { address }) });
    return !refused;
  }

  #acceptance(command: keyof MailServer['accepts'], about = this.#id): SmtpReply {
    return replyFrom(this.#session.server.accepts[command], about);
  }

  /** A client without an accepted recipient quits; it tries again if it may for one of them. */
  #outcomeReply(): SmtpReply {
    const recipients = this.#steps.filter(({ command }) => command === 'rcpt');
    const allRefused = this.#steps.at(-1)?.command === 'rcpt' && this.#accepted.length === 0;
    const temporary = allRefused ? recipients.find(({ reply }) => reply.code < 500) : undefined;
    return temporary?.reply ?? this.#last();
  }

  #last(): SmtpReply {
    return this.#steps.at(-1)?.reply ?? this.#session.standing ?? NO_RECIPIENTS;
  }

  #received(): string {
    const { client, helo, hostname, protocol } = this.#session;
    const from = `from ${helo} (${client.host} [${literalOf(client)}])`;
    return `${from}\n\tby ${hostname} with ${protocol} id ${this.#id};\n\t${new Date().toUTCString()}`;
  }
}

const CRLF = Buffer.from('\r\n');

/** Fields as a client sends them. */
function linesOf(fields: readonly RawField[]): Buffer {
  const lines = fields.map(({ name, raw }) => `${name}:${raw.toString('latin1')}\n`.replaceAll('\n', '\r\n'));
  return Buffer.from(lines.join(''), 'latin1');
}

/** The paths of the first array that are not in the second; each in the second counts once. */
function without(some: readonly Required<Path>[], others: readonly Required<Path>[]): Required<Path>[] {
  const left = others.map(({ address }) => address);
  return some.filter(({ address }) => {
    const at = left.indexOf(address);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}
