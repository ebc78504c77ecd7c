import type { Mail } from '../simulate/mail.js';

/** A mail to play to a milter. */
export interface PlayedMail extends Mail {
  /** A word that is in each of its parts, and in no other mail. */
  readonly token?: string;
  /** Whether its addresses have no angle brackets, as in Postfix's own mail. */
  readonly bare?: boolean;
}

const LINE = 'All lines of a large body are the same, and none says anything.\r\n';

function tokenMail(token: string, subject: string): PlayedMail {
  const [one, two] = [`rcpt-${token}@example.org`, `second-${token}@example.org`];
  return {
    token,
    sender: { address: `sender-${token}@example.com`, args: ['SIZE=900', 'BODY=8BITMIME'] },
    recipients: [one, { address: two, args: ['NOTIFY=NEVER'] }],
    headers: [
      ['Received', `from ${token}.example.com by mx.example.com;\n\tThu, 1 Jan 2026 00:00:00 +0000`],
      ['From', `Sender <sender-${token}@example.com>`],
      ['To', `${one}, ${two}`],
      ['Subject', `${subject} ${token}`],
      ['Date', 'Thu, 1 Jan 2026 00:00:00 +0000'],
      ['Message-ID', `<1.${token}@example.com>`],
    ],
    body: `Hello,\n\nthis message has the word ${token} in it: 100% of it.\n.\n`,
    macros: { i: `4${token}`, '{auth_type}': 'PLAIN', '{auth_authen}': `user-${token}` },
  };
}

export const ANNA = tokenMail('k7anna', 'Minutes of the meeting');
export const BERT = tokenMail('k7bert', 'Offer');

/** The mail of a client that is not known. */
export const PLAIN: PlayedMail = {
  sender: 'sender@example.com',
  recipients: ['rcpt@example.org'],
  headers: [
    ['From', 'sender@example.com'],
    ['To', 'rcpt@example.org'],
    ['Subject', 'Hello'],
    ['Date', 'Thu, 1 Jan 2026 00:00:00 +0000'],
    ['Message-ID', '<2@example.com>'],
  ],
  body: 'Hello\n',
};

export const EMPTY: PlayedMail = { sender: '', recipients: ['rcpt@example.org'], headers: [], body: '' };
export const LOCAL: PlayedMail = { ...PLAIN, sender: '', bare: true };
export const HUGE: PlayedMail = { ...PLAIN, body: LINE.repeat(Math.ceil((5 * 1024 * 1024) / LINE.length)) };
export const MANY: PlayedMail = {
  ...PLAIN,
  recipients: Array.from({ length: 20 }, (_none, at) => `rcpt-${at}@example.org`),
  headers: [...(PLAIN.headers ?? []), ['X-Long', `${'x'.repeat(900)}\n\t`.repeat(60).trim()]],
};
export const BYTES: PlayedMail = {
  sender: { address: 'grüße@example.com', args: ['SMTPUTF8'] },
  recipients: ['josé@example.org'],
  headers: [
    ['From', 'sender@example.com'],
    ['Subject', Buffer.from('caf\xe9 100%', 'latin1')],
    ['X-Utf-8', 'Grüße 你好'],
    ['X-Empty', ''],
    ['X-Folded', 'one\n\ttwo\n three'],
    ['Subject', 'a second subject'],
  ],
  body: Buffer.concat([
    Buffer.from('NUL \0, bare \r and \n\r\n'),
    Uint8Array.from({ length: 256 }, (_none, at) => at),
    Buffer.from('\r\n'),
  ]),
};
