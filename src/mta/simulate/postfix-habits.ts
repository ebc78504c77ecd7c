import { postfixMacros } from '../client/macro-lists.js';
import { REFUSALS } from '../client/refusals.js';
import type { Habits } from './habits.js';
import { PostfixHeaderList } from './postfix-header-list.js';
import { POSTFIX_RECIPIENTS } from './postfix-recipients.js';

/** What Postfix 3.7 does, with its default settings. */
export const POSTFIX: Habits = {
  name: 'postfix',
  oldActions: 0x1ff,
  abortsAlways: true,
  quitsAlways: false,
  idAtMail: false,
  missingCode: '',
  macros: postfixMacros,
  session(hostname, { family, host, address, port }) {
    const shown = family === 'inet6' ? `IPv6:${address}` : address;
    // A client without a name comes with its address in brackets.
    const name = host.startsWith('[') ? 'unknown' : host;
    return {
      j: hostname,
      v: 'Postfix 3.7.11',
      _: family === 'unknown' ? host : `${name} [${shown}]`,
      '{daemon_name}': hostname,
      '{daemon_addr}': '127.0.0.1',
      '{daemon_port}': '25',
      '{client_name}': name,
      '{client_ptr}': name,
      '{client_addr}': address,
      '{client_port}': String(port),
      '{client_connections}': '1',
      '{client_resolve}': 'OK',
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
    new PostfixHeaderList(fields, [{ name: 'Received', raw: Buffer.from(` ${received}`) }], leadspc),
  fine(command, about) {
    switch (command) {
      case 'mail':
        return { code: 250, enhanced: '2.1.0', lines: ['Ok'] };
      case 'rcpt':
        return { code: 250, enhanced: '2.1.5', lines: ['Ok'] };
      case 'data':
        return { code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] };
      case 'message':
        return { code: 250, enhanced: '2.0.0', lines: [`Ok: queued as ${about}`] };
      case 'rset':
        return { code: 250, enhanced: '2.0.0', lines: ['Ok'] };
    }
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
