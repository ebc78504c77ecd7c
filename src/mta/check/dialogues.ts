import type { MtaOffer } from '../client/agreement.js';
import type { MtaEvent } from '../client/answer.js';
import { clientOf } from '../simulate/mail-commands.js';
import { fieldsOf } from '../simulate/mail.js';
import { ANNA, BERT, BYTES, EMPTY, HUGE, LOCAL, MANY, PLAIN, type PlayedMail } from './mails.js';
import { MADDY, type Manner, POSTFIX, SENDMAIL, STALWART, withoutBraces, withoutEmpty } from './manners.js';
import type { CheckRule } from './rules.js';

type Stage = MtaEvent['type'];

/** A mail, or its part between two stages; what follows on a whole one is the manner of the mail server. */
export interface MailStep {
  readonly mail: PlayedMail;
  readonly from?: Stage;
  readonly to?: Stage;
  /** The most bytes of a body frame. */
  readonly chunk?: number;
  /** Whether the last reply is not waited for. */
  readonly pending?: boolean;
}

/**
 * A step of a dialogue: an event, a mail, or something else. `vanish` loses the connection, and the next step opens
 * another one; `switch` goes on with another connection beside the first; `macro` is a list of none, and silence after it.
 */
export type Step = MtaEvent | MailStep | 'abort' | 'quit' | 'quitNc' | 'vanish' | 'idle' | 'switch' | 'macro';

type Means = Readonly<Partial<Record<CheckRule, CheckRule>>>;

/** A dialogue of a mail server with a milter, and what it judges beside the rules of every dialogue. */
export interface Dialogue {
  readonly name: string;
  readonly manner: Manner;
  readonly steps: readonly Step[];
  /** The rule that is broken here where it is another one that no plain dialogue has found broken. */
  readonly means?: Means;
  /** Whether the replies to its mails have to be those of all dialogues that are compared. */
  readonly compared?: boolean;
  /** Whether it waits for surplus replies at each step, and not at its end alone. */
  readonly careful?: boolean;
  /** Whether no mail server makes this offer, so that a milter may refuse it. */
  readonly invented?: boolean;
}

const CONNECT: MtaEvent = { type: 'connect', ...clientOf() };
const HELO: MtaEvent = { type: 'helo', text: 'client.example' };
const GREET: readonly Step[] = [CONNECT, HELO];
const STAGES: readonly Stage[] = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'];

const breaks = (rule: CheckRule): Means => ({
  'no-agreement': rule,
  'missing-reply': rule,
  closed: rule,
  'frame-length': rule,
  'other-answer': rule,
});
const session = (name: string, manner: Manner, mail: PlayedMail, more: Partial<Dialogue> = {}): Dialogue => ({
  name,
  manner,
  steps: [...GREET, { mail }, 'quit'],
  ...more,
});
const offer = (name: string, [version, actions, protocol]: number[], invented = false): Dialogue => {
  const all: MtaOffer = { version: version ?? 6, actions: actions ?? 0, protocol: protocol ?? 0 };
  return session(`an offer of ${name}`, { ...SENDMAIL, offer: all }, PLAIN, { invented });
};
const after = (name: string, manner: Manner, ...before: readonly Step[]): Dialogue => ({
  name,
  manner,
  steps: [...GREET, ...before, { mail: BERT }, 'quit'],
  compared: true,
});

/** One message by itself: the replies to it are compared with those in other dialogues. */
export function alone(mail: PlayedMail): Dialogue {
  return session('one message on a connection', POSTFIX, mail, { compared: true });
}

/** A mail of the user, as each mail server gives it. */
export function givenBy(name: string, opening: readonly MtaEvent[], mail: PlayedMail): Dialogue[] {
  // A blank after the colon is of the field, and not of its value.
  const headers = fieldsOf(mail.headers ?? []).map(({ name, raw }): [string, Uint8Array] => [
    name,
    raw[0] === 0x20 ? raw.subarray(1) : raw,
  ]);
  const manners = { Postfix: POSTFIX, Sendmail: SENDMAIL, Stalwart: STALWART, maddy: MADDY };
  return Object.entries(manners).map(([mta, manner]) => ({
    name: `${name}, as ${mta} gives it`,
    manner,
    steps: [...opening, { mail: { ...mail, headers } }, 'quit'],
  }));
}

/** All dialogues, in the order in which they are played: the plain ones first. */
export const DIALOGUES: readonly Dialogue[] = [
  {
    name: 'one step at a time',
    manner: { ...POSTFIX, cut: 'whole', macros: withoutEmpty(POSTFIX.macros) },
    steps: [
      ...([CONNECT, HELO, { type: 'unknown', text: 'XYZZY now' }, { mail: BERT }] as const),
      ...(['abort', { mail: ANNA }, { mail: PLAIN }, 'abort', 'abort', 'quit'] as const),
    ],
    careful: true,
  },
  alone(BERT),
  alone(ANNA),
  {
    name: 'several messages, as Postfix gives them',
    manner: POSTFIX,
    steps: [...GREET, { mail: ANNA }, { mail: BERT }, { mail: PLAIN }, { mail: BERT }, 'abort', 'quit'],
    compared: true,
  },
  {
    name: 'several messages, as Sendmail gives them',
    manner: SENDMAIL,
    steps: [...GREET, { mail: ANNA }, { mail: BERT }, { mail: PLAIN }, { mail: BERT }, 'quit'],
  },
  session('a message as maddy gives it', MADDY, PLAIN),
  session('a message as Stalwart gives it', STALWART, PLAIN),
  {
    name: 'mail from the machine itself, as Postfix gives it',
    manner: { ...POSTFIX, aborts: false },
    steps: [
      { type: 'connect', ...clientOf({ host: 'localhost', address: '127.0.0.1', port: 0 }) },
      { type: 'helo', text: 'localhost' },
      { mail: LOCAL },
      'quit',
    ],
  },
  {
    name: 'a client without a network, as Sendmail gives it',
    manner: SENDMAIL,
    steps: [{ type: 'connect', ...clientOf({ host: 'localhost', address: '' }) }, { mail: PLAIN }, 'quit'],
  },
  {
    name: 'a client of IPv6, as Sendmail gives it',
    manner: SENDMAIL,
    steps: [
      {
        type: 'connect',
        host: '[IPv6:2001:db8::1]',
        family: 'inet6',
        port: 40_025,
        address: 'IPv6:2001:db8::1',
      },
      HELO,
      { mail: PLAIN },
      'quit',
    ],
  },
  session('macros without braces', { ...POSTFIX, macros: withoutBraces(POSTFIX.macros) }, PLAIN, {
    means: breaks('macros'),
  }),
  session('no macros', { ...POSTFIX, macros: () => undefined }, PLAIN, { means: breaks('macros') }),
  {
    name: 'empty lists of macros, and one without its command',
    manner: { ...POSTFIX, macros: () => [] },
    steps: [CONNECT, 'macro', HELO, { mail: PLAIN }, 'quit'],
    means: breaks('macros'),
  },
  session('8-bit text, NUL and every other byte', POSTFIX, BYTES, { means: breaks('bytes') }),
  session('a message without header and body', POSTFIX, EMPTY, { means: breaks('size') }),
  session('many recipients and a long header', POSTFIX, MANY, { means: breaks('size') }),
  session('a body of 5 MiB', POSTFIX, HUGE, { means: breaks('size') }),
  {
    name: 'a body in frames of one byte',
    manner: POSTFIX,
    steps: [...GREET, { mail: BERT, chunk: 1 }, 'quit'],
    means: breaks('size'),
  },
  session('bytes one by one', { ...POSTFIX, cut: 'bytes' }, BERT, {
    means: breaks('cut-frames'),
    compared: true,
  }),
  session('a slow peer, with pauses within frames', { ...POSTFIX, cut: 'slow' }, BERT, {
    means: breaks('cut-frames'),
    compared: true,
  }),
  {
    name: 'pauses between commands',
    manner: SENDMAIL,
    steps: [
      'idle',
      ...GREET,
      'idle',
      { mail: PLAIN, to: 'data' },
      'idle',
      { mail: PLAIN, from: 'header' },
      'quit',
    ],
    means: breaks('idle'),
  },
  ...STAGES.slice(0, -1).map((to) => after(`RSET after ${to}`, POSTFIX, { mail: ANNA, to }, 'abort')),
  after(
    'EHLO within a message, as Postfix gives it',
    POSTFIX,
    { mail: ANNA, to: 'rcpt' },
    HELO,
    'abort',
    'abort',
  ),
  after('EHLO within a message, as Sendmail gives it', POSTFIX, { mail: ANNA, to: 'rcpt' }, 'abort', HELO),
  after('MAIL without ABORT before it', POSTFIX, { mail: ANNA, to: 'rcpt' }),
  {
    name: 'two connections at the same time',
    manner: POSTFIX,
    steps: [
      ...([...GREET, { mail: ANNA, to: 'data' }, 'switch', ...GREET, { mail: BERT }, 'quit'] as const),
      ...(['switch', { mail: ANNA, from: 'header' }, 'quit'] as const),
    ],
    compared: true,
  },
  { name: 'QUIT at once', manner: SENDMAIL, steps: [CONNECT, 'quit'] },
  { name: 'QUIT within a message', manner: SENDMAIL, steps: [...GREET, { mail: BERT, to: 'rcpt' }, 'quit'] },
  ...STAGES.map((to) => ({
    ...after(`a client lost at ${to}`, POSTFIX, { mail: ANNA, to, pending: true }, 'vanish', ...GREET),
    means: { 'no-agreement': 'gone', 'missing-reply': 'gone', closed: 'gone' } as const,
  })),
  after('a client lost between messages', POSTFIX, 'vanish', ...GREET),
  offer('Sendmail 8.13 (version 2)', [2, 0x3f, 0x7f]),
  offer('Postfix with milter_protocol = 2', [2, 0x1ff, 0x7f]),
  offer('Postfix with milter_protocol = 3', [3, 0x1ff, 0x17f]),
  offer('Postfix with milter_protocol = 4', [4, 0x1ff, 0x37f]),
  offer('version 5', [5, 0x1ff, 0x37f], true),
  offer('version 7', [7, 0x1ff, 0x1fffff]),
  offer('one right', [6, 0x20, 0x1fffff], true),
  offer('no features', [6, 0x1ff, 0], true),
  {
    name: 'another session on the same connection (QUIT_NC)',
    manner: SENDMAIL,
    steps: [...GREET, { mail: PLAIN }, 'quitNc', ...GREET, { mail: PLAIN }, 'quit'],
    means: breaks('quit-nc'),
  },
];
