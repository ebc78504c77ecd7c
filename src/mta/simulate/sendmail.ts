import type { SmtpReply } from '../../session/smtp-reply.js';
import { REFUSALS } from '../client/sanitise-reply.js';
import { type HeaderEntry, HeaderList, type RawField } from './header-list.js';
import { type MailServer, type RecipientRules, argumentOf, commonMacros, literalOf } from './mail-server.js';

/** The fields that the standard configuration has before those of a message, in its order. */
const CONFIGURED = [
  'Resent-Date',
  'Date',
  'Resent-From',
  'From',
  'Full-Name',
  'Resent-Message-Id',
  'Message-Id',
];
const isConfigured = nameIn(CONFIGURED.join(' '));
const isNeverWritten = nameIn('return-path content-length full-name');
const isFullName = nameIn('full-name');
const isBlindCopy = nameIn('bcc resent-bcc');
/** Where the client names one of these, nothing is left of blind copies; otherwise their name. */
const isCopy = nameIn('to cc apparently-to');
/** Written only where the client has sent one of them: then the message has been resent. */
const isResent = nameIn(
  'resent-date resent-from resent-message-id resent-to resent-cc resent-bcc resent-sender resent-reply-to',
);
/** With one of these the body begins. */
const isBody = nameIn('text message');
/** The most bytes of a line of the header that are written; of the last line of a field the rest is lost. */
const LINE = 2303;

/**
 * A header, changed as Sendmail 8.17 does it with its standard configuration.
 *
 * Its list begins with eight entries of its own: `Received`, and seven of the configuration, of which only those are
 * visible (`Date`, `From`, `Message-Id`, and with `Resent-` before them where a message was resent) that the client did
 * not send, or sent without a value. Positions count this list, deleted entries included. A new field stands before the
 * first of its name, or in the place of one that the MTA has made. The n-th of a name counts the fields of the client and
 * of milters; deletions renumber nothing; a changed field keeps its spelling.
 */
export class SendmailHeaderList extends HeaderList {
  readonly #resent: boolean;
  readonly #named: boolean;

  /**
   * @param fields those of the client
   * @param own `Received`, and the MTA's own `Date`, `From` and `Message-Id`
   */
  constructor(fields: readonly RawField[], own: readonly RawField[], leadspc: boolean) {
    const taken = fields.filter(
      (field) => !isConfigured(field) || field.raw.toString('latin1').trim() !== '',
    );
    const sent = new Set(taken.map(({ name }) => key(name)));
    const made = new Map(
      own.flatMap(({ name, raw }): [string, Buffer][] => [
        [key(name), raw],
        [`resent-${key(name)}`, raw],
      ]),
    );
    const entry = (name: string, kind: HeaderEntry['kind'], raw: Buffer = Buffer.alloc(0)): HeaderEntry => {
      return { name, raw, kind, deleted: false };
    };
    const configured = CONFIGURED.map((name) => {
      const raw = sent.has(key(name)) ? undefined : made.get(key(name));
      return entry(name, raw === undefined ? 'place' : 'default', raw);
    });
    const given = taken.map(({ name, raw }) => entry(name, 'given', raw));
    super([entry('Received', 'received', made.get('received')), ...configured, ...given], leadspc);
    this.#resent = fields.some(isResent);
    this.#named = fields.some(isCopy);
  }

  add(name: string, value: Uint8Array): void {
    const at = this.entries.findIndex((entry) => key(entry.name) === key(name));
    const first = this.entries[at];
    if (first?.kind === 'default') {
      first.raw = this.afterColon(value);
      first.deleted = false;
    } else {
      this.entries.splice(at === -1 ? this.entries.length : at, 0, this.made(name, value));
    }
  }

  change(n: number, name: string, value: Uint8Array): void {
    const named = this.entries.filter((entry) => key(entry.name) === key(name));
    const target =
      named.filter(({ kind }) => kind === 'given')[Math.max(n, 1) - 1] ??
      named.find(({ kind }) => kind === 'default');
    if (target !== undefined) {
      // A deleted field keeps its place in the list.
      target.deleted = value.length === 0;
      if (!target.deleted) target.raw = this.afterColon(value);
    } else if (value.length > 0) {
      this.add(name, value);
    }
  }

  protected override isDelivered(entry: HeaderEntry): boolean {
    if (isNeverWritten(entry) || (isResent(entry) && !this.#resent)) return false;
    return super.isDelivered(entry) && !(isBlindCopy(entry) && this.#named);
  }

  protected override written(entry: HeaderEntry): Buffer {
    if (isBlindCopy(entry)) return Buffer.alloc(0);
    const { name, raw } = entry;
    const lines = `${name}:${raw.toString('latin1')}`.split('\n');
    const last = lines.pop() ?? '';
    const written = [...lines.flatMap(pieces), last.slice(0, LINE)].join('\n');
    return Buffer.from(written.slice(name.length + 1), 'latin1');
  }
}

/** A test for a field whose name is one of these. */
function nameIn(names: string): (field: { readonly name: string }) => boolean {
  const set = new Set(names.toLowerCase().split(' '));
  return ({ name }) => set.has(key(name));
}

/** A line of a header that another follows, as several where it is too long; each costs it a character. */
function pieces(line: string): string[] {
  return line.length <= LINE ? [line] : [line.slice(0, LINE), ...pieces(` ${line.slice(LINE + 1)}`)];
}

/** A name in front of an address: quoted where it has special characters outside of quotes and comments. */
function phraseOf(name: string): string {
  const outside = name.replace(/"[^"]*"|\([^)]*\)/g, '');
  return /[@,;:\\()[\].']/.test(outside) ? `"${name}"` : name;
}

function key(name: string): string {
  return name.toLowerCase();
}

/**
 * Sendmail tells recipients that it only passes on apart by their addresses, byte for byte. One that was deleted and is
 * added again gets what either asks for (`NOTIFY`), and keeps its first address (`ORCPT`).
 */
const SENDMAIL_RECIPIENTS: RecipientRules = {
  key: ({ address }) => address,
  again({ args: old }, { address, args }) {
    const orcpt = argumentOf('ORCPT', old) ?? argumentOf('ORCPT', args);
    const notify = together(argumentOf('NOTIFY', old), argumentOf('NOTIFY', args));
    const others = args.filter((arg) => !/^(?:ORCPT|NOTIFY)=/i.test(arg));
    return {
      address,
      args: [
        ...(notify === undefined ? [] : [`NOTIFY=${notify}`]),
        ...(orcpt === undefined ? [] : [`ORCPT=${orcpt}`]),
        ...others,
      ],
    };
  },
};

/** A recipient without `NOTIFY` is told of failures and delays (RFC 3461). */
function together(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined && other === undefined) return undefined;
  const asked = [one, other].flatMap((notify) => (notify ?? 'FAILURE,DELAY').toUpperCase().split(','));
  return ['SUCCESS', 'FAILURE', 'DELAY'].filter((event) => asked.includes(event)).join(',') || 'NEVER';
}

const TEMPFAIL: SmtpReply = { code: 451, enhanced: '4.3.2', lines: ['Please try again later'] };
const REJECT_SESSION: SmtpReply = { code: 550, enhanced: '5.0.0', lines: ['Command rejected'] };
const CONTENT = ['header', 'eoh', 'body', 'eom', 'message'];

/** Sendmail 8.17 with its standard configuration. */
export const SENDMAIL: MailServer = {
  session(hostname, client) {
    const { family, host, address } = client;
    return {
      ...commonMacros(hostname, client),
      v: '8.17.1.9',
      _: family === 'unknown' ? host : `${host} [${literalOf(client)}]`,
      '{daemon_name}': 'MTA',
      '{if_name}': hostname,
      // Sendmail leaves out the address of a local interface.
      '{if_addr}': /^(?:127\.|::1$)/.test(address) ? undefined : '198.51.100.1',
      '{client_addr}': literalOf(client),
    };
  },
  address(what, address) {
    const at = address.lastIndexOf('@');
    return {
      [`{${what}_mailer}`]: at === -1 ? 'local' : 'esmtp',
      [`{${what}_host}`]: at === -1 ? '' : `${address.slice(at + 1)}.`,
      [`{${what}_addr}`]: address,
    };
  },
  content: (header) => ({
    '{msg_id}': header.list().find(({ name }) => name.toLowerCase() === 'message-id')?.value,
  }),
  recipients: SENDMAIL_RECIPIENTS,
  client: (client) => ({ ...client, address: literalOf(client) }),
  // It then loses the end of that field's last line.
  endsHeader: ({ name }) => isBody({ name }) || name.length > 100,
  header(fields, { received, id, hostname, sender, date, leadspc }) {
    const from = sender === '' ? `MAILER-DAEMON@${hostname}` : sender;
    const names = fields.filter(isFullName).map(({ raw }) => raw.toString('latin1').trim());
    const full = phraseOf(names.find((one) => one !== '') ?? '');
    const own: RawField[] = [
      ['Received', received],
      ['Date', date.toUTCString()],
      ['From', full === '' ? from : `${full} <${sender}>`],
      ['Message-Id', `<${date.toISOString().replace(/\D/g, '').slice(0, 12)}.${id}@${hostname}>`],
    ].map(([name = '', value = '']) => ({ name, raw: Buffer.from(` ${value}`, 'latin1') }));
    return new SendmailHeaderList(fields, own, leadspc);
  },
  accepts: {
    connect: '220 % ESMTP',
    mail: '250 2.1.0 <%>... Sender ok',
    rcpt: '250 2.1.5 <%>... Recipient ok',
    data: '354 End data with <CR><LF>.<CR><LF>',
    message: '250 2.0.0 % Message accepted for delivery',
    rset: '250 2.0.0 Reset state',
  },
  refused(stage, given, { address }) {
    if (given === REFUSALS.tempfail || given === REFUSALS.unavailable) return TEMPFAIL;
    const reply: SmtpReply = given === REFUSALS.failed ? REFUSALS.reject : given;
    if (reply === REFUSALS.reject && stage === 'helo') return REJECT_SESSION;
    const code = reply === REFUSALS.reject && CONTENT.includes(stage) ? 554 : reply.code;
    const [line = '', ...more] = reply.lines;
    // Replies with the codes 450 and 550 name the address that they are about.
    const about = address !== undefined && code % 100 === 50 ? `<${address}>... ` : '';
    return { ...reply, code, lines: [about + line, ...more] };
  },
  refusedSession(hostname, { code, lines }) {
    if (code === 421 && lines.length === 1) {
      const bye: SmtpReply = { code: 421, enhanced: '4.7.0', lines: [`${hostname} closing connection`] };
      return { banner: bye, standing: bye };
    }
    if (code < 500) return { standing: TEMPFAIL };
    return {
      banner: { code: 554, lines: [`${hostname} ESMTP not accepting messages`] },
      standing: REJECT_SESSION,
    };
  },
  unknown: (line) => ({ code: 500, enhanced: '5.5.1', lines: [`Command unrecognized: "${line}"`] }),
};
