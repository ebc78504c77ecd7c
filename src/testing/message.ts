import {
  checkOptions,
  either,
  list,
  object,
  record,
  required,
  rule,
  string,
  text,
  type Rules,
} from '../common/options.js';
import { chunksOf } from '../mta/simulate/mail-commands.js';
import { pathOf } from '../mta/simulate/mail.js';
import type { StageEvent } from '../session/flow.js';
import type { SessionInfo } from '../session/session-info.js';
import { body, connect, data, eoh, eom, header, helo, mail, rcpt } from './events.js';
import { SESSION_FIELDS, session as makeSession, type SessionFields } from './session.js';

/** An address without brackets, by itself or with its ESMTP arguments. */
export type EnvelopeAddress = string | { readonly address: string; readonly args?: readonly string[] };

/** The parts of a message; those that are left out get ordinary values. */
export interface MessageParts {
  /** `''` is the null sender. */
  readonly from?: EnvelopeAddress;
  /** In order. */
  readonly to?: EnvelopeAddress | readonly EnvelopeAddress[];
  /** By name, or as pairs where a name comes twice. Default: a subject. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[];
  /** Text gets CRLF line ends; bytes are left alone; in several pieces where it is an array. `''` is no body at all. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The address of a client whose `connect` goes before. Default: none does. */
  readonly connect?: string;
  /** The name of a client whose `helo` goes before. Default: none does. */
  readonly helo?: string;
  /** The connection of all these events, or fields of one. */
  readonly session?: SessionFields | SessionInfo;
}

const path = either(string, {
  ...object<Exclude<EnvelopeAddress, string>>({ address: required(string), args: list(string) }),
  expected: '{ address, args }',
});
const fields = list(
  rule('[name, value]', (value) => Array.isArray(value) && value.every((one) => typeof one === 'string')),
  'an array of [name, value]',
);

const PARTS: Rules<MessageParts> = {
  from: path,
  to: either(path, list(path, 'an array of these')),
  headers: either(record(string), fields),
  body: either(text, list(text, 'an array of these')),
  connect: string,
  helo: string,
  session: object(SESSION_FIELDS),
};

/**
 * Makes the events of a message in the order in which a mail server sends them.
 *
 * @remarks
 * They share one session, and each `rcpt` has the `mail` of the message. A body of more than 65 535 bytes comes in
 * several events.
 *
 * @throws TypeError or RangeError where a part is wrong
 * @example from(message({ from: 'a@b.test', to: ['c@d.test', 'e@f.test'], headers: { Subject: 'Hi' }, body: 'Ho\n' }))
 */
export function message(parts: MessageParts = {}): StageEvent[] {
  checkOptions('message()', parts, PARTS, 'field');
  const session = sessionOf(parts);
  const sender = pathOf(parts.from ?? 'sender@example.org');
  const recipients = listOf<EnvelopeAddress>(parts.to ?? 'rcpt@example.org').map(pathOf);
  const first = mail(sender.address, { session, args: sender.args });
  const headers = parts.headers ?? { Subject: 'hello' };
  const fields = Symbol.iterator in headers ? headers : Object.entries(headers);
  return [
    ...(parts.connect === undefined ? [] : [connect(parts.connect, { session, ...session.client })]),
    ...(parts.helo === undefined ? [] : [helo(parts.helo, { session })]),
    first,
    ...recipients.map(({ address, args }) => rcpt(address, { session, args, mail: first })),
    data({ session }),
    ...fields.map(([name, value]) => header(name, value.replaceAll('\r\n', '\n'), { session })),
    eoh({ session }),
    ...listOf<string | Uint8Array>(parts.body ?? 'hello\n').flatMap((piece) =>
      chunksOf(piece).map((chunk) => body(chunk, { session })),
    ),
    eom({ session }),
  ];
}

function sessionOf(parts: MessageParts): SessionInfo {
  const { session = {} } = parts;
  // A session that was made already stays the same object, by which sessionData knows it.
  if (session.macros !== undefined && typeof session.macros.get === 'function') return session as SessionInfo;
  const { client, ...fields } = session as SessionFields;
  return makeSession({
    ...(parts.helo !== undefined && { helo: parts.helo }),
    ...fields,
    client: { ...(parts.connect !== undefined && connect(parts.connect).session.client), ...client },
  });
}

function listOf<T>(one: T | readonly T[]): readonly T[] {
  return Array.isArray(one) ? (one as readonly T[]) : [one as T];
}
