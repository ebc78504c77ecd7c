import type { SmtpReply } from '../../session/smtp-reply.js';
import { REFUSALS } from '../client/sanitise-reply.js';
import { HeaderList, type RawField, entriesOf } from './header-list.js';
import { type MailServer, commonMacros } from './mail-server.js';

/** A header, changed as maddy does it: each new field goes above all others, and nothing else can be changed. */
export class MaddyHeaderList extends HeaderList {
  /** @param own the MTA's own fields, which are not shown: those of a milter go above them */
  constructor(fields: readonly RawField[], own: readonly RawField[]) {
    super([...entriesOf('received', own), ...entriesOf('given', fields)], false);
  }

  add(name: string, value: Uint8Array): void {
    this.entries.unshift(this.made(name, value));
  }

  override insert(_position: number, name: string, value: Uint8Array): void {
    this.add(name, value);
  }

  change(): void {
    // It has not offered that, and passes over it.
  }

  /** Names as Go writes them, and values on one line. */
  override shown(): RawField[] {
    return super.shown().map(({ name, raw }) => {
      const lines = raw.toString('latin1').split('\n');
      const value = lines.map((line) => line.trim()).filter((line) => line !== '');
      return { name: canonical(name), raw: Buffer.from(value.join(' '), 'latin1') };
    });
  }
}

/** `DKIM-Signature` as `Dkim-Signature`; a name with characters that no header of HTTP has stays as it is. */
function canonical(name: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return name;
  return name.toLowerCase().replace(/(?:^|(?<=-))[a-z]/g, (letter) => letter.toUpperCase());
}

const POLICY = 'Message rejected due to local policy';
const LATER: SmtpReply = { code: 450, enhanced: '4.7.1', lines: [POLICY] };
const WORDS = new Map<SmtpReply, SmtpReply>([
  [REFUSALS.tempfail, LATER],
  [REFUSALS.unavailable, { code: 451, enhanced: '4.7.1', lines: ['I/O error during policy check'] }],
]);

/** maddy 0.8 as it is where nothing else is configured. */
export const MADDY: MailServer = {
  session: (hostname, client) => ({
    ...commonMacros(hostname, client),
    '{daemon_name}': 'maddy',
    '{if_name}': 'unknown',
    '{if_addr}': '0.0.0.0',
  }),
  address: () => ({}),
  content: () => ({}),
  // It tells of no name but that which the client gives itself.
  client: (client, helo) => ({ ...client, host: helo }),
  recipients: { key: ({ address }) => address },
  header: (fields, { received }) =>
    new MaddyHeaderList(fields, [{ name: 'Received', raw: Buffer.from(` ${received}`) }]),
  accepts: {
    connect: '220 % ESMTP Service Ready',
    mail: '250 2.0.0 Roger, accepting mail from <%>',
    rcpt: "250 2.0.0 I'll make sure <%> gets this",
    data: '354 Go ahead. End your data with <CR><LF>.<CR><LF>',
    message: '250 2.0.0 OK: queued',
    rset: '250 2.0.0 Session reset',
  },
  refused(_stage, given, { id }) {
    const { code, enhanced = '5.7.1', lines } = WORDS.get(given) ?? { ...given, lines: [POLICY] };
    return { code, enhanced, lines: [`${lines.join(' ')} (msg ID = ${id})`] };
  },
  unknown: (line) => ({
    code: 500,
    enhanced: '5.5.2',
    lines: [`Syntax errors, ${(/^\S*/.exec(line)?.[0] ?? '').toUpperCase()} command unrecognized`],
  }),
};
