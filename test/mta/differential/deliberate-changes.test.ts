import type { Offer } from './support/converse.js';
import { describePair } from './support/describe-pair.js';
import { itDiffers, type Difference } from './support/difference.js';
import { instruct, type Instruction } from './support/instructions.js';
import { say } from './support/steps.js';

type Change = readonly [string, ...string[]];

interface Special {
  readonly errors?: readonly string[];
  readonly offer?: Offer;
  /** The macros of CONNECT, by which the MTA is known; those of Postfix if nothing else is said. */
  readonly mta?: string;
  /** The names of headers that the message has. */
  readonly headers?: readonly string[];
}

/** A message that is changed at its end. */
function changing(
  name: string,
  because: string,
  changes: readonly Change[],
  libmilter: readonly string[],
  rxmilter: readonly string[],
  { errors = [], offer, mta, headers = [] }: Special = {},
): Difference {
  const told = changes.map(([verb, ...args]): Instruction => ['eom', verb, ...args]);
  const sender = say.mail(`<${instruct(...told)}@example.com>`);
  return {
    name,
    because,
    steps: [
      say.connect(undefined, undefined, undefined, mta),
      say.helo(),
      sender,
      say.rcpt(),
      say.data(),
      ...headers.map((header) => say.header(header, 'old')),
      say.eoh(),
      say.eom(),
    ],
    ...(offer === undefined ? {} : { manner: { offer } }),
    libmilter: [`eom: ${libmilter.join(' | ')}`],
    rxmilter: [`eom: ${rxmilter.join(' | ')}`],
    errors,
  };
}

/** Changes as their frames, for what is only put into another order. */
const A = 'i \\00\\00\\00\\01X-A\\00a\\00';
const B = 'i \\00\\00\\00\\01X-B\\00b\\00';
const AT_TWO = 'i \\00\\00\\00\\02X-B\\00b\\00';
const DELETE_ONE = 'm \\00\\00\\00\\01X\\00\\00';
const DELETE_TWO = 'm \\00\\00\\00\\02X\\00\\00';
const CHANGE_TWO = 'm \\00\\00\\00\\02X\\00new\\00';
const ADD = 'h X\\00new\\00';
const ADD_A = 'h X\\00a\\00';
const ADD_B = 'h X\\00b\\00';
const AT_THE_END = 'i \\7f\\ff\\ff\\feX\\00b\\00';
const TWO_OF_A_NAME: readonly Change[] = [
  ['add', 'X', 'a'],
  ['add', 'X', 'b'],
];
const WHOLE: Offer = { version: 6, actions: 0x1ff, protocol: 0x1fffff };
const COUNTING = 'numbers count the headers as the filter was shown them';
const ONE_FOR_ALL = 'a message is changed as a whole or not at all';

describePair(
  'A change of rxmilter differs on purpose from that of libmilter,',
  { decided: ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] },
  (pair) => {
    itDiffers(pair, [
      changing(
        'insertions at two places',
        `${COUNTING}, so the lower one goes first`,
        [
          ['insert', '1', 'X-A', 'a'],
          ['insert', '2', 'X-B', 'b'],
        ],
        [A, AT_TWO, 'c'],
        [AT_TWO, A, 'c'],
      ),
      changing(
        'insertions at one place',
        'what was asked for first comes out above the second',
        [
          ['insert', '1', 'X-A', 'a'],
          ['insert', '1', 'X-B', 'b'],
        ],
        [A, B, 'c'],
        [B, A, 'c'],
      ),
      changing(
        'two additions of one name to an MTA that is not known',
        'Sendmail, which it may be, would put the second above the first',
        TWO_OF_A_NAME,
        [ADD_A, ADD_B, 'c'],
        [ADD_A, AT_THE_END, 'c'],
        { mta: 'j\0mx.example.org\0' },
      ),
      changing(
        'two additions of one name to Sendmail',
        'it would put each above the first of that name, and not at the end',
        TWO_OF_A_NAME,
        [ADD_A, ADD_B, 'c'],
        ['i \\7f\\ff\\ff\\feX\\00a\\00', AT_THE_END, 'c'],
        { mta: 'v\x008.17.1\0' },
      ),
      changing(
        'an insertion before the second header of Sendmail',
        `${COUNTING}, and Sendmail counts eight of its own before them`,
        [['insert', '2', 'X-B', 'b']],
        [AT_TWO, 'c'],
        ['i \\00\\00\\00\\09X-B\\00b\\00', 'c'],
        { mta: 'v\x008.17.1\0' },
      ),
      changing(
        'deletions from the first on',
        'Postfix renumbers after each',
        [
          ['delete', '1', 'X'],
          ['delete', '2', 'X'],
        ],
        [DELETE_ONE, DELETE_TWO, 'c'],
        [DELETE_TWO, DELETE_ONE, 'c'],
      ),
      changing(
        'a deletion before a change of the same name',
        'Postfix renumbers after a deletion',
        [
          ['delete', '1', 'X'],
          ['change', '2', 'X', 'new'],
        ],
        [DELETE_ONE, CHANGE_TWO, 'c'],
        [CHANGE_TWO, DELETE_ONE, 'c'],
      ),
      changing(
        'a new value for a header that is not there',
        'the filter was shown the headers, so it is an addition and has its turn among the others',
        [
          ['add', 'X-A', 'a'],
          ['change', '2', 'X', 'new'],
          ['add', 'X-B', 'b'],
        ],
        ['h X-A\\00a\\00', CHANGE_TWO, 'h X-B\\00b\\00', 'c'],
        ['h X-A\\00a\\00', ADD, 'h X-B\\00b\\00', 'c'],
        { headers: ['X'] },
      ),
      changing(
        'an addition before a deletion of the same name',
        `${COUNTING}, so it is not the new one`,
        [
          ['add', 'X', 'new'],
          ['delete', '2', 'X'],
        ],
        [ADD, DELETE_TWO, 'c'],
        [DELETE_TWO, ADD, 'c'],
      ),
      changing(
        'an insertion after a deletion',
        `${COUNTING}, and deletions would move its place`,
        [
          ['delete', '1', 'X'],
          ['insert', '1', 'X-A', 'a'],
        ],
        [DELETE_ONE, A, 'c'],
        [A, DELETE_ONE, 'c'],
      ),
      changing(
        'a body before something else',
        'it comes last, for Postfix refuses it in several runs',
        [
          ['body', 'one'],
          ['add', 'X', 'new'],
        ],
        ['b one', ADD, 'c'],
        [ADD, 'b one', 'c'],
      ),
      changing(
        'a body twice',
        'each replaces what was there before',
        [
          ['body', 'one'],
          ['body', 'two'],
        ],
        ['b one', 'b two', 'c'],
        ['b two', 'c'],
      ),
      changing(
        'changes before a refusal',
        'nobody gets the message',
        [['add', 'X', 'new'], ['reject']],
        [ADD, 'r'],
        ['r'],
      ),
      changing(
        'changes before DISCARD',
        'nobody gets the message',
        [['quarantine', 'why'], ['discard']],
        ['q why\\00', 'd'],
        ['d'],
      ),
      changing(
        'a recipient without brackets',
        'addresses are written in the one form that all MTAs know',
        [['addrcpt', 'new@example.org']],
        ['+ new@example.org\\00', 'c'],
        ['+ <new@example.org>\\00', 'c'],
      ),
      changing(
        'a recipient without brackets to delete',
        'addresses are written in the one form that all MTAs know',
        [['delrcpt', 'old@example.org']],
        ['- old@example.org\\00', 'c'],
        ['- <old@example.org>\\00', 'c'],
      ),
      changing(
        'a sender without brackets',
        'addresses are written in the one form that all MTAs know',
        [['from', 'new@example.com']],
        ['e new@example.com\\00', 'c'],
        ['e <new@example.com>\\00\\00', 'c'],
      ),
      changing(
        'the null sender as an empty string',
        'that is how events have it, so it has to go back',
        [['from', '']],
        ['c'],
        ['e <>\\00\\00', 'c'],
      ),
      changing(
        'a sender without arguments',
        'programs that always read two strings take one for a broken frame',
        [['from', '<new@example.com>']],
        ['e <new@example.com>\\00', 'c'],
        ['e <new@example.com>\\00\\00', 'c'],
      ),
      changing(
        'a recipient with an empty argument',
        'it is no ESMTP argument',
        [['addrcpt', '<a@b>', '']],
        ['2 <a@b>\\00\\00', 'c'],
        ['t'],
        { errors: ['is not an ESMTP argument'] },
      ),
      changing(
        'an address with a line break',
        'it would be one of the queue file, or of the next SMTP server',
        [['addrcpt', '<a\n@b>']],
        ['+ <a\\0a@b>\\00', 'c'],
        ['t'],
        { errors: ['holds a blank or a control character'] },
      ),
      changing(
        'a header with the number 0',
        'headers are counted from 1',
        [['change', '0', 'X', 'new']],
        ['m \\00\\00\\00\\00X\\00new\\00', 'c'],
        ['t'],
        { errors: ['is not a whole number from 1'] },
      ),
      changing(
        'a header without a name',
        `${ONE_FOR_ALL}, and an error is not to be missed`,
        [
          ['add', 'X', 'new'],
          ['add', '', 'x'],
        ],
        [ADD, 'c'],
        ['t'],
        { errors: ['is not a header name'] },
      ),
      changing(
        'a header name with a colon',
        'it would be another name and a part of the value',
        [['add', 'X:', 'x']],
        ['h X:\\00x\\00', 'c'],
        ['t'],
        { errors: ['is not a header name'] },
      ),
      changing(
        'a line break in a value without white space after it',
        'it could be a header of whoever wrote the value',
        [['add', 'X', 'one\nTwo: 2']],
        ['h X\\00one\\0aTwo: 2\\00', 'c'],
        ['h X\\00one Two: 2\\00', 'c'],
        { errors: ['a line break without a blank or tab after it'] },
      ),
      changing(
        'CRLF in a folded value',
        'both MTAs leave the CR in the message',
        [['add', 'X', 'one\r\n two']],
        ['h X\\00one\\0d\\0a two\\00', 'c'],
        ['h X\\00one\\0a two\\00', 'c'],
      ),
      changing(
        'no reason for a quarantine',
        `${ONE_FOR_ALL}, and an error is not to be missed`,
        [['quarantine', '']],
        ['c'],
        ['t'],
        { errors: ['not empty'] },
      ),
      changing(
        'a change without its right',
        ONE_FOR_ALL,
        [
          ['quarantine', 'why'],
          ['add', 'X', 'new'],
        ],
        ['q why\\00', 'c'],
        ['t'],
        { errors: ['addHeader needs the right ADDHDRS'], offer: { ...WHOLE, actions: 0x1fe } },
      ),
      changing(
        'a recipient where only those with arguments are offered',
        'there is a frame that says the same',
        [['addrcpt', '<a@b>']],
        ['c'],
        ['2 <a@b>\\00', 'c'],
        { offer: { ...WHOLE, actions: 0x1fb } },
      ),
    ]);
  },
);
