// @ts-check
const FROM_US = { '{auth_authen}': 'alice' };

/**
 * The mails of the demonstration: what each is about, the mail, and what has to become of it.
 *
 * @type {readonly { title: string, mail: import('rxmilter/mta').ClientMail, outcome: import('rxmilter/mta').DeliveryOutcome, open?: boolean }[]}
 */
export const MAILS = [
  {
    title: 'A colleague, logged in, writes to a colleague: a header is added',
    mail: {
      sender: 'alice@example.org',
      recipients: ['bob@example.org'],
      headers: [
        ['From', 'Alice <alice@example.org>'],
        ['Subject', 'Lunch?'],
      ],
      body: 'At noon?\n',
      macros: FROM_US,
    },
    outcome: 'delivered',
  },
  {
    title: 'Mail from outside: its subject says so',
    mail: {
      client: { host: 'mail.example.net', address: '198.51.100.7' },
      sender: 'carol@example.net',
      recipients: [{ address: 'bob@example.org', args: ['NOTIFY=NEVER'] }],
      headers: [
        ['From', 'Carol <carol@example.net>'],
        ['Subject', 'Your account'],
      ],
      body: 'Please confirm.\n',
    },
    outcome: 'delivered',
  },
  {
    title: 'One of two mailboxes is closed: only the other gets the mail',
    mail: {
      client: { host: 'mx.example.com', family: 'inet6', address: '2001:db8::25' },
      sender: 'dave@example.com',
      recipients: ['sales@example.org', 'bob@example.org'],
      headers: [['Subject', 'Offer']],
      body: 'Buy!\n',
    },
    outcome: 'delivered',
  },
  {
    title: 'The only mailbox is closed: the mail is refused',
    mail: { sender: 'dave@example.com', recipients: ['sales@example.org'], body: 'Buy!\n' },
    outcome: 'refused',
  },
  {
    title: 'The same mail, now that the mailbox is open again',
    mail: {
      sender: 'dave@example.com',
      recipients: ['sales@example.org'],
      headers: [['Subject', 'Offer']],
      body: 'Buy!\n',
    },
    outcome: 'delivered',
    open: true,
  },
  {
    title: 'Mail to info: it goes to the help desk instead',
    mail: {
      sender: '',
      recipients: ['info@example.org'],
      headers: [['Subject', 'Delivery report']],
      body: 'Returned.\n',
    },
    outcome: 'delivered',
  },
  {
    title: 'Another filter has marked it as spam: the mail is held',
    mail: {
      sender: 'mallory@example.com',
      recipients: ['bob@example.org'],
      headers: [
        ['Subject', 'Invoice'],
        ['X-Spam-Flag', 'YES'],
      ],
      body: 'See attachment.\n',
    },
    outcome: 'quarantined',
  },
];
