import {
  anything,
  checkOptions,
  list,
  object,
  oneOf,
  record,
  rule,
  string,
  text,
  type Rules,
} from '../common/options.js';
import { clientOf } from '../mta/simulate/mail-commands.js';
import { CONNECT_RULES } from '../mta/simulate/mail.js';
import { answer } from '../operators/answer.js';
import type { DecisionAt } from '../session/decisions.js';
import { type EnvelopePath, envelopePath } from '../session/envelope-path.js';
import type {
  Abort,
  Body,
  Close,
  Connect,
  Data,
  Eoh,
  Eom,
  EventAt,
  Header,
  Helo,
  Mail,
  MilterEvent,
  Rcpt,
  Rejection,
  Reply,
  StageEvent,
  Unknown,
} from '../session/flow.js';
import type { Modification } from '../session/modifications.js';
import type { SessionInfo } from '../session/session-info.js';
import { session as makeSession } from './session.js';

/** The fields that a factory of events takes beside its own arguments. A wrong one is a `TypeError` or `RangeError`. */
export type EventFields<E extends MilterEvent> = Partial<Omit<E, 'stage'>>;

const ENVELOPE = {
  address: string,
  local: string,
  domain: string,
  mailbox: string,
  args: list(string),
  params: record({ ...string, expected: 'strings' }),
  raw: text,
};

/** The fields that each event has beside those of all events. */
const FIELDS: { readonly [S in MilterEvent['stage']]: Rules<Omit<EventAt<S>, 'stage' | 'session'>> } = {
  connect: CONNECT_RULES,
  helo: { name: string, raw: text },
  mail: ENVELOPE,
  rcpt: {
    ...ENVELOPE,
    mail: rule('what mail() makes', (value) => has(value, 'stage') && value.stage === 'mail'),
    rejected: object<Rejection>({ status: string, text: string }),
  },
  data: {},
  header: { name: string, value: string, raw: text },
  eoh: {},
  body: { chunk: text },
  eom: { modifications: list(anything) },
  unknown: { command: string, raw: text },
  abort: {},
  close: {},
};

const SESSION = rule('what session() makes', (value) => has(value, 'macros') && has(value, 'client'));

function has<K extends string>(value: unknown, name: K): value is Readonly<Record<K, unknown>> {
  return typeof value === 'object' && value !== null && name in value;
}

/** The fields that follow from the arguments of a factory. */
type OwnFields<S extends MilterEvent['stage']> = Omit<EventAt<S>, 'stage' | 'session' | symbol> & {
  readonly session?: SessionInfo;
};

/** Makes an event, once its fields are right; the stage may be among them, as part of another event. */
function make<S extends MilterEvent['stage']>(
  stage: S,
  fields: EventFields<EventAt<S>>,
  own: () => OwnFields<S>,
): EventAt<S> {
  checkOptions(`${stage}()`, fields, { stage: oneOf(stage), session: SESSION, ...FIELDS[stage] }, 'field');
  const event = own();
  const session = fields.session ?? event.session ?? makeSession();
  return { stage, ...event, ...fields, session } as unknown as EventAt<S>;
}

/**
 * Makes a `connect` event: an SMTP client connected.
 *
 * @param address an IPv4 or IPv6 address, the path of a Unix socket, or `''` for a client of which nothing is known
 * @example connect('192.0.2.1', { host: 'mail.example.net' })
 */
export function connect(address = '192.0.2.1', fields: EventFields<Connect> = {}): Connect {
  return make('connect', fields, () => {
    const client = clientOf({ ...fields, address });
    return { session: makeSession({ client }), ...client, raw: Buffer.from(client.host) };
  });
}

/** Makes a `helo` event: HELO or EHLO. */
export function helo(name = 'client.example', fields: EventFields<Helo> = {}): Helo {
  return make('helo', fields, () => ({ session: makeSession({ helo: name }), name, raw: Buffer.from(name) }));
}

/**
 * Makes a `mail` event: MAIL FROM. Its parts follow from the address, `params` from `args`.
 *
 * @param address without angle brackets; `''` is the null sender
 * @example mail('alice@example.com', { args: ['SIZE=1234'] })
 */
export function mail(address = 'sender@example.org', fields: EventFields<Mail> = {}): Mail {
  return make('mail', fields, () => envelopeOf(address, fields));
}

/**
 * Makes a `rcpt` event: RCPT TO. Its parts follow from the address, `params` from `args`.
 *
 * @param address without angle brackets
 * @param fields without a `mail` the message is from `sender@example.org`
 * @example rcpt('a@b.test', { mail: mail('alice@example.com') })
 */
export function rcpt(address = 'rcpt@example.org', fields: EventFields<Rcpt> = {}): Rcpt {
  return make('rcpt', fields, () => {
    const { mail: given, session = given?.session ?? makeSession() } = fields;
    return { session, mail: given ?? mail(undefined, { session }), ...envelopeOf(address, fields) };
  });
}

function envelopeOf(given: string, fields: EventFields<Mail>): EnvelopePath {
  const { address = given, args = [], raw = Buffer.from(`<${address}>`) } = fields;
  return envelopePath({ address, args, raw });
}

/** Makes a `data` event: the DATA command. */
export function data(fields: EventFields<Data> = {}): Data {
  return make('data', fields, () => ({}));
}

/**
 * Makes a `header` event: one header field.
 *
 * @param value the text after the colon and one blank; folded lines are divided by a single line feed
 * @example header('Subject', 'Lunch?')
 */
export function header(name = 'Subject', value = 'hello', fields: EventFields<Header> = {}): Header {
  return make('header', fields, () => ({ name, value, raw: Buffer.from(value) }));
}

/** Makes an `eoh` event: the end of the headers. */
export function eoh(fields: EventFields<Eoh> = {}): Eoh {
  return make('eoh', fields, () => ({}));
}

/**
 * Makes a `body` event: a piece of the body.
 *
 * @param content text becomes UTF-8 and is otherwise left alone: write CRLF where lines end
 * @example body('Hello.\r\n')
 */
export function body(content: string | Uint8Array = 'hello\r\n', fields: EventFields<Body> = {}): Body {
  return make('body', fields, () => ({ chunk: Buffer.from(content) }));
}

/**
 * Makes an `eom` event: the end of the message, without modifications of earlier filters by default.
 *
 * @example eom({ modifications: [addHeader('X-Earlier', 'yes')] })
 */
export function eom(fields: EventFields<Eom> = {}): Eom {
  return make('eom', fields, () => ({ modifications: [] }));
}

/** Makes an `unknown` event: an SMTP command that the mail server does not know. */
export function unknown(command = 'XYZZY', fields: EventFields<Unknown> = {}): Unknown {
  return make('unknown', fields, () => ({ command, raw: Buffer.from(command) }));
}

/** Makes an `abort` event: the message in progress is over without an end. */
export function abort(fields: EventFields<Abort> = {}): Abort {
  return make('abort', fields, () => ({}));
}

/** Makes a `close` event: the SMTP connection is over. */
export function close(fields: EventFields<Close> = {}): Close {
  return make('close', fields, () => ({}));
}

/**
 * Makes the reply that an event is expected to become.
 *
 * @param modifications they come after those that the `eom` event has already
 * @throws AnswerError where the decision is not legal at that stage, or anything but a message is to be changed
 * @example replyTo(rcpt('a@b.test'), reject('No such user'))
 * @example replyTo(eom(), accept(), [addHeader('X-Seen', 'yes')])
 */
export function replyTo<E extends StageEvent>(
  event: E,
  decision: DecisionAt<E['stage']>,
  modifications: E extends { readonly stage: 'eom' } ? readonly Modification[] : readonly never[] = [],
): Reply {
  // The types above say of `E` that these fit each other; `reply` says it of a stage, which cannot be inferred here.
  const answers = [...modifications, decision] as Parameters<typeof answer>[1][];
  return answer(event, ...answers);
}
