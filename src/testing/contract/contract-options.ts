import { type Rules, checkOptions, list, milliseconds, object } from '../../common/options.js';
import { macroValues } from '../../mta/client/macros.js';
import { type ClientMail, CLIENT_MAIL_RULES } from '../../mta/simulate/mail.js';
import { SESSION_RULES, type SessionOptions } from '../../session/options.js';

/** The options of `contract()`. */
export interface ContractOptions {
  /** Mails that lead through the filter's own cases. Default: three with unusual parts. */
  readonly mails?: readonly ClientMail[];
  /** Values of macros that the MTA knows, by name. */
  readonly macros?: Readonly<Record<string, string>>;
  /** The options of `serve()`. */
  readonly session?: SessionOptions;
  /** How long an answer to an event may take, in milliseconds. Default 1 000. */
  readonly timeout?: number;
  /** How long to wait for late replies after an abort, at each stage, in milliseconds. Default 50. */
  readonly settle?: number;
}

/** The same, complete. */
export interface ResolvedContract extends Required<ContractOptions> {
  readonly mails: readonly [ClientMail, ...ClientMail[]];
}

const LINE = `${'0123456789'.repeat(7)}\n`;

const MAILS: ResolvedContract['mails'] = [
  {
    sender: { address: 'alice@example.com', args: ['SIZE=90000', 'BODY=8BITMIME'] },
    recipients: ['bob@example.org', { address: 'carol@example.org', args: ['NOTIFY=NEVER'] }],
    headers: [
      ['From', 'Alice <alice@example.com>'],
      ['Subject', 'hello'],
      ['Received', 'from a.example\n\tby b.example'],
      ['X-Bytes', Buffer.from('caf\xe9', 'latin1')],
    ],
    // More than fits into a frame.
    body: LINE.repeat(1000),
  },
  { sender: '', recipients: ['bob@example.org'], headers: [], body: '' },
  {
    sender: 'dora@example.net',
    recipients: ['bob@example.org'],
    headers: [['Subject', 'grüß dich']],
    body: '.\n',
  },
];

const RULES: Rules<ContractOptions> = {
  mails: {
    ...list(object(CLIENT_MAIL_RULES)),
    expected: 'an array of mails, one at least, to try the filter with',
    check: (value) => (!Array.isArray(value) ? 'type' : value.length === 0 ? 'range' : 'right'),
  },
  macros: macroValues,
  session: object(SESSION_RULES),
  timeout: milliseconds(1),
  settle: milliseconds(0),
};

/** Fills in the defaults. */
export function resolveContract(options: ContractOptions): ResolvedContract {
  checkOptions('contract()', options, RULES);
  const { mails = MAILS, macros = {}, session = {}, timeout = 1000, settle = 50 } = options;
  return { mails: mails as ResolvedContract['mails'], macros, session, timeout, settle };
}
