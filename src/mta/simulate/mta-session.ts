import { type Rules, anything, checkOptions, oneOf, required, string } from '../../common/options.js';
import type { MtaKind } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import {
  CONNECTION_RULES,
  type MilterTarget,
  type MtaConnectionOptions,
} from '../client/connection-options.js';
import { type MtaMacros, wireMacros, macroValues } from '../client/macros.js';
import type { MilterError } from '../client/milter-error.js';
import type { TranscriptEntry } from '../client/mta-connection.js';
import type { Delivery, DeliveryStep } from './delivery.js';
import { type FailurePolicy, GuardedMilter } from './guarded-milter.js';
import { MADDY } from './maddy.js';
import { type MailServer, replyFrom } from './mail-server.js';
import { CLIENT_RULES, type ClientOptions, MAIL_RULES, type Mail } from './mail.js';
import { POSTFIX } from './postfix.js';
import { SENDMAIL } from './sendmail.js';
import { type SmtpSession, SmtpTransaction } from './smtp-transaction.js';
import { STALWART } from './stalwart.js';

const SERVERS: Readonly<Record<MtaKind, MailServer>> = {
  postfix: POSTFIX,
  sendmail: SENDMAIL,
  stalwart: STALWART,
  maddy: MADDY,
};

/** The SMTP client, and the MTA that it talks to. */
export interface MtaSessionOptions extends MtaConnectionOptions, ClientOptions {
  /** The milter: where it listens, or a filter, which is then run without a socket. */
  readonly to: MilterTarget;
  /** The name of the MTA. */
  readonly hostname?: string;
  /** Values for macros beyond those that an MTA has of itself. */
  readonly macros?: MtaMacros;
  /** The reply to the client where the milter fails. `tempfail` by default, as in Postfix. */
  readonly onFailure?: FailurePolicy;
}

export const MTA_SESSION_RULES: Rules<MtaSessionOptions> = {
  ...CONNECTION_RULES,
  ...CLIENT_RULES,
  to: required(
    anything,
    "Say where the milter listens, such as { to: 'inet:8891@127.0.0.1' }, or give a filter.",
  ),
  hostname: string,
  macros: macroValues,
  onFailure: oneOf('tempfail', 'reject', 'shutdown', 'accept', 'quarantine'),
};

const DEFAULT_CLIENT: ConnectFields = {
  host: 'client.example.com',
  family: 'inet',
  port: 40_000,
  address: '192.0.2.1',
};

/**
 * An SMTP session as an MTA has it, with a milter: one client, and any number of messages.
 *
 * @remarks
 * Postfix and Sendmail have one connection to the milter for the session, Stalwart and maddy one for each message.
 *
 * @example
 * const session = await MtaSession.open({ to: on('rcpt', () => reject()) });
 * const { outcome } = await session.send({ sender: 'a@example.com', recipients: ['b@example.org'] }); // 'refused'
 * await session.close();
 *
 * @see deliver
 */
export class MtaSession {
  /** The replies to the client's connection and its EHLO. */
  readonly opening: readonly DeliveryStep[] = [];
  readonly #session: SmtpSession;
  readonly #keepsAll: boolean;
  readonly #milter: () => GuardedMilter;
  /** The conversations of messages that had connections of their own. */
  readonly #past: TranscriptEntry[] = [];
  #first = true;

  private constructor(options: MtaSessionOptions) {
    const { tls, auth, mta = 'postfix', hostname = 'mta.example.org', to, onFailure = 'tempfail' } = options;
    const server = SERVERS[mta];
    const client = { ...DEFAULT_CLIENT, ...options.client };
    this.#keepsAll = options.transcript === true;
    this.#milter = () => new GuardedMilter(to, { ...options, transcript: true }, onFailure);
    this.#session = {
      milter: this.#milter(),
      profile: profileOf(mta),
      server,
      hostname,
      client,
      protocol: `ESMTP${tls === undefined ? '' : 'S'}${auth === undefined ? '' : 'A'}`,
      macros: {
        ...server.session(hostname, client),
        ...clientMacros(options),
        ...wireMacros(options.macros ?? {}),
      },
      helo: options.helo ?? client.host,
      standing: undefined,
    };
  }

  /** Connects to the milter and sends it the client. A milter that is not there is a failure like any other. */
  static async open(options: MtaSessionOptions): Promise<MtaSession> {
    checkOptions('MtaSession.open()', options, MTA_SESSION_RULES);
    const session = new MtaSession(options);
    const steps: DeliveryStep[] = [await session.#connect()];
    if (!session.ended) steps.push(await session.#greet());
    return Object.assign(session, { opening: steps });
  }

  /** The conversation with the milter since the last message began; with the option `transcript` all of it. */
  get transcript(): readonly TranscriptEntry[] {
    return [...this.#past, ...(this.#session.milter.connection?.transcript ?? [])];
  }

  /** How the milter failed, where it did. */
  get failure(): MilterError | undefined {
    return this.#session.milter.failure;
  }

  /** Whether the SMTP connection was closed by a 421. */
  get ended(): boolean {
    return this.#session.standing?.code === 421;
  }

  /** The client says EHLO again; returns the reply. A milter that refuses that refuses the rest of the session. */
  async helo(name = this.#session.helo): Promise<SmtpReply> {
    this.#session.helo = name;
    const { reply } = await this.#greet();
    // Postfix gives up a message that may be in progress, and only then.
    if (this.#session.profile.aborts()) await this.#session.milter.end('abort');
    return reply;
  }

  /** The client says something that is no command; returns the reply. */
  async unknown(line: string): Promise<SmtpReply> {
    const { milter, profile, server, macros, standing } = this.#session;
    if (standing !== undefined) return standing;
    if (profile.neverSends.includes('unknown')) return server.unknown(line);
    const text = server.unknownCommand?.(line) ?? line;
    const { verdict } = await milter.ask({ type: 'unknown', text }, macros);
    if (verdict.kind !== 'refuse') return server.unknown(line);
    const reply = server.refused('unknown', verdict.reply, { id: '' });
    if (reply.code === 421) this.#session.standing = reply;
    return reply;
  }

  /**
   * Takes a message from the client, asks the milter about it, and says what became of it.
   *
   * @throws TypeError where a part of the mail cannot be sent; RangeError where a header does not fit into a frame: that
   *   ends the session
   */
  async send(mail: Mail): Promise<Delivery> {
    checkOptions('send()', mail, MAIL_RULES, 'field');
    const first = this.#first;
    if (this.#session.profile.asksFrom !== 'connect') {
      if (this.#keepsAll) this.#past.push(...this.transcript.slice(this.#past.length));
      this.#session.milter = this.#milter();
    }
    const { milter } = this.#session;
    const transaction = new SmtpTransaction(mail, this.#session, first ? this.opening : []);
    if (!first && !this.#keepsAll) milter.connection?.forgetTranscript();
    const from = first ? 0 : this.transcript.length;
    this.#first = false;
    const delivery = await transaction.run(first ? 0 : milter.rounds);
    if (delivery.reply.code === 421) this.#session.standing = delivery.reply;
    return { ...delivery, transcript: this.transcript.slice(from) };
  }

  /** Ends the session. */
  async close(): Promise<void> {
    const { milter, profile } = this.#session;
    if (profile.aborts()) await milter.end('abort');
    if (profile.asksFrom === 'connect') await milter.end('quit');
  }

  async #connect(): Promise<DeliveryStep> {
    const { profile, milter, server, hostname, client, helo, macros } = this.#session;
    const usual = replyFrom(server.accepts.connect, hostname);
    if (profile.asksFrom !== 'connect') return { command: 'connect', reply: usual };
    const { verdict } = await milter.ask({ type: 'connect', ...server.client(client, helo) }, macros);
    if (verdict.kind !== 'refuse') return { command: 'connect', reply: usual };
    const { banner = usual, standing } = server.refusedSession?.(hostname, verdict.reply) ?? {
      standing: verdict.reply,
    };
    this.#session.standing = standing;
    return { command: 'connect', reply: banner };
  }

  async #greet(): Promise<DeliveryStep> {
    const { profile, milter, server, hostname, helo, macros } = this.#session;
    if (profile.asksFrom === 'connect') {
      const { verdict } = await milter.ask({ type: 'helo', text: helo }, macros);
      if (verdict.kind === 'refuse') {
        this.#session.standing ??= server.refused('helo', verdict.reply, { id: '' });
      }
    }
    const { standing } = this.#session;
    const reply = standing?.code === 421 ? standing : { code: 250, lines: [hostname] };
    return { command: 'helo', reply };
  }
}

/** The mail server of that kind, as its clients see it. */
export function serverOf(mta: MtaKind): MailServer {
  return SERVERS[mta];
}

/** The macros of a client that came over TLS or has logged in. */
function clientMacros({ tls, auth }: ClientOptions): MtaMacros {
  return {
    ...(tls && {
      '{tls_version}': tls.version,
      '{cipher}': tls.cipher,
      '{cipher_bits}': String(tls.bits),
      '{cert_subject}': tls.subject,
      '{cert_issuer}': tls.issuer,
    }),
    ...(auth && {
      '{auth_authen}': auth.user,
      '{auth_type}': auth.type ?? 'PLAIN',
      '{auth_author}': auth.author,
    }),
  };
}
