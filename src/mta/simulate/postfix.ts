import { REFUSALS } from '../client/sanitise-reply.js';
import { HeaderList, type RawField, entriesOf } from './header-list.js';
import {
  type MailServer,
  type RecipientRules,
  argumentOf,
  commonMacros,
  hasName,
  literalOf,
} from './mail-server.js';

/**
 * A header, changed as Postfix does it.
 *
 * Positions count the fields of the message as it is delivered, the MTA's own at its top included. The n-th of a name
 * counts those that were shown to the milter, and shifts when one of them is deleted; 0 is taken as 1, and one beyond the
 * last is added at the end. A changed field has its name as the milter spells it.
 */
export class PostfixHeaderList extends HeaderList {
  /**
   * @param fields those of the client
   * @param own the MTA's own, which go on top of them and are not shown
   */
  constructor(fields: readonly RawField[], own: readonly RawField[], leadspc: boolean) {
    super([...entriesOf('received', own), ...entriesOf('given', fields)], leadspc);
  }

  add(name: string, value: Uint8Array): void {
    this.entries.push(this.made(name, value));
  }

  change(n: number, name: string, value: Uint8Array): void {
    const wanted = name.toLowerCase();
    const shown = this.entries.filter(
      (entry) => entry.kind === 'given' && entry.name.toLowerCase() === wanted,
    );
    const target = shown[Math.max(n, 1) - 1];
    const made = value.length === 0 ? [] : [this.made(name, value)];
    if (target === undefined) this.entries.push(...made);
    else this.entries.splice(this.entries.indexOf(target), 1, ...made);
  }
}

/**
 * Postfix has a recipient once for each `NOTIFY` and `ORCPT`. For the client's it makes up a missing `ORCPT`, for a
 * milter's it does not: a recipient of the client is there twice when a milter adds it.
 */
export const POSTFIX_RECIPIENTS: RecipientRules = {
  key({ address, args }, by) {
    const orcpt = argumentOf('ORCPT', args) ?? (by === 'client' ? `rfc822;${address}` : '');
    return [address, orcpt, argumentOf('NOTIFY', args)].join('\n').toLowerCase();
  },
};

/** `message_drop_headers`: fields of the client that neither a milter nor a recipient gets; those of a milter pass. */
const DROPPED = new Set(['bcc', 'content-length', 'resent-bcc', 'return-path']);

/** Postfix 3.7 with its default settings. */
export const POSTFIX: MailServer = {
  session(hostname, client) {
    const { family, host, address } = client;
    const name = hasName(client) ? host : 'unknown';
    return {
      ...commonMacros(hostname, { ...client, host: name }),
      v: 'Postfix 3.7.11',
      _: family === 'unknown' ? host : `${name} [${literalOf(client)}]`,
      '{daemon_name}': hostname,
      '{client_addr}': address,
    };
  },
  address(what, address) {
    const at = address.lastIndexOf('@');
    const route =
      at === -1 ? {} : { [`{${what}_host}`]: address.slice(at + 1), [`{${what}_mailer}`]: 'smtp' };
    return { [`{${what}_addr}`]: address, ...route };
  },
  content: () => ({}),
  unknownCommand: (line) => /^\S*/.exec(line.trimStart())?.[0] ?? '',
  client: (client) => client,
  recipients: POSTFIX_RECIPIENTS,
  header: (fields, { received, leadspc }) =>
    new PostfixHeaderList(
      fields.filter(({ name }) => !DROPPED.has(name.toLowerCase())),
      [{ name: 'Received', raw: Buffer.from(` ${received}`) }],
      leadspc,
    ),
  accepts: {
    connect: '220 % ESMTP',
    mail: '250 2.1.0 Ok',
    rcpt: '250 2.1.5 Ok',
    data: '354 End data with <CR><LF>.<CR><LF>',
    message: '250 2.0.0 Ok: queued as %',
    rset: '250 2.0.0 Ok',
  },
  refused: (_stage, reply) => reply,
  refusedSession(hostname, reply) {
    if (reply.code === 421) {
      const lines = [`${hostname} ${REFUSALS.tempfail.lines[0]}`];
      return { banner: { code: 421, lines }, standing: reply };
    }
    if (reply.code < 500) return { standing: reply };
    return {
      banner: { code: 554, lines: [`${hostname} ESMTP not accepting connections`] },
      standing: reply,
    };
  },
  unknown: () => ({ code: 500, enhanced: '5.5.2', lines: ['Error: command not recognized'] }),
};
