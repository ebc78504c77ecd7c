import type { SmtpReply } from '../../session/smtp-reply.js';
import { sendmailMacros } from '../client/macro-lists.js';
import { REFUSALS } from '../client/refusals.js';
import type { Habits } from './habits.js';
import type { RawField } from './header-list.js';
import { SendmailHeaderList } from './sendmail-header-list.js';
import { SENDMAIL_RECIPIENTS } from './sendmail-recipients.js';

const TEMPFAIL: SmtpReply = { code: 451, enhanced: '4.3.2', lines: ['Please try again later'] };
const REJECT_SESSION: SmtpReply = { code: 550, enhanced: '5.0.0', lines: ['Command rejected'] };
const CONTENT = ['header', 'eoh', 'body', 'eom', 'message'];

/** What Sendmail 8.17 does, with its standard configuration. */
export const SENDMAIL: Habits = {
  name: 'sendmail',
  oldActions: 0x3f,
  abortsAlways: false,
  quitsAlways: true,
  idAtMail: true,
  missingCode: '.0.0',
  macros: sendmailMacros,
  session(hostname, { family, host, address, port }) {
    const shown = family === 'inet6' ? `IPv6:${address}` : address;
    return {
      j: hostname,
      v: '8.17.1.9',
      _: family === 'unknown' ? host : `${host} [${shown}]`,
      '{daemon_name}': 'MTA',
      '{daemon_addr}': '127.0.0.1',
      '{daemon_port}': '25',
      '{if_name}': hostname,
      // It keeps to itself what is of no use.
      '{if_addr}': /^(?:127\.|::1$)/.test(address) ? undefined : '198.51.100.1',
      '{client_name}': host,
      '{client_ptr}': host,
      '{client_addr}': shown,
      '{client_port}': String(port),
      '{client_connections}': '1',
      '{client_resolve}': 'OK',
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
  unknownCommand: (line) => line,
  recipients: SENDMAIL_RECIPIENTS,
  client: (client) => (client.family === 'inet6' ? { ...client, address: `IPv6:${client.address}` } : client),
  header(fields, { received, id, hostname, sender, date, leadspc }) {
    const own: RawField[] = [
      ['Received', received],
      ['Date', date.toUTCString()],
      ['From', sender === '' ? `MAILER-DAEMON@${hostname}` : sender],
      ['Message-Id', `<${date.toISOString().replace(/\D/g, '').slice(0, 12)}.${id}@${hostname}>`],
    ].map(([name = '', value = '']) => ({ name, raw: Buffer.from(` ${value}`) }));
    return new SendmailHeaderList(fields, own, leadspc);
  },
  fine(command, about) {
    switch (command) {
      case 'mail':
        return { code: 250, enhanced: '2.1.0', lines: [`<${about}>... Sender ok`] };
      case 'rcpt':
        return { code: 250, enhanced: '2.1.5', lines: [`<${about}>... Recipient ok`] };
      case 'data':
        return { code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] };
      case 'message':
        return { code: 250, enhanced: '2.0.0', lines: [`${about} Message accepted for delivery`] };
      case 'rset':
        return { code: 250, enhanced: '2.0.0', lines: ['Reset state'] };
    }
  },
  refused(stage, given, address) {
    if (given === REFUSALS.tempfail) return TEMPFAIL;
    const reply: SmtpReply = given === REFUSALS.failed ? REFUSALS.reject : given;
    if (reply === REFUSALS.reject && stage === 'helo') return REJECT_SESSION;
    const code = reply === REFUSALS.reject && CONTENT.includes(stage) ? 554 : reply.code;
    const [line = '', ...more] = reply.lines;
    // It says whom a reply is about, behind these two codes.
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
