import type { Decision } from '../../src/session/decision.js';
import { envelope } from '../../src/session/envelope.js';
import type {
  Abort,
  Body,
  Close,
  Connect,
  Data,
  Eoh,
  Eom,
  Header,
  Helo,
  Mail,
  Rcpt,
  Reply,
  StageEvent,
  Unknown,
} from '../../src/session/flow.js';
import type { Modification } from '../../src/session/modification.js';
import type { SessionInfo } from '../../src/session/session-info.js';

/** What a factory lets one set: any field but the stage. */
type Fields<E> = Partial<Omit<E, 'stage'>>;

/** The connection that the events below belong to, where they are given no other. */
export const session: SessionInfo = Object.freeze({
  id: 'drawn',
  client: Object.freeze({ host: 'client.example', family: 'inet', port: 40_025, address: '192.0.2.1' }),
  helo: 'client.example',
  version: 6,
  protocol: [],
  rights: Object.freeze([]),
  macros: Object.freeze({ get: () => undefined, all: () => ({}) }),
  mta: 'unknown',
});

/** Events that no connection made, the same ones at each call; what matters to a test is given by name. */
export function connect(fields: Fields<Connect> = {}): Connect {
  const { host, family, port, address } = { ...session.client, ...fields };
  return { stage: 'connect', session, host, family, port, address, raw: Buffer.from(host), ...fields };
}

export function helo(name = 'client.example', fields: Fields<Helo> = {}): Helo {
  return { stage: 'helo', session, name, raw: Buffer.from(name), ...fields };
}

export function mail(address = 'sender@example.org', fields: Fields<Mail> = {}): Mail {
  return { stage: 'mail', session, ...envelopeOf(address, fields), ...fields };
}

export function rcpt(address = 'rcpt@example.org', fields: Fields<Rcpt> = {}): Rcpt {
  return { stage: 'rcpt', session, mail: mail(), ...envelopeOf(address, fields), ...fields };
}

export function data(fields: Fields<Data> = {}): Data {
  return { stage: 'data', session, ...fields };
}

export function header(name = 'Subject', value = 'hello', fields: Fields<Header> = {}): Header {
  return { stage: 'header', session, name, value, raw: Buffer.from(value), ...fields };
}

export function eoh(fields: Fields<Eoh> = {}): Eoh {
  return { stage: 'eoh', session, ...fields };
}

export function body(text = 'hello\r\n', fields: Fields<Body> = {}): Body {
  return { stage: 'body', session, chunk: Buffer.from(text), ...fields };
}

export function eom(fields: Fields<Eom> = {}): Eom {
  return { stage: 'eom', session, modifications: [], ...fields };
}

export function unknown(command = 'XYZZY', fields: Fields<Unknown> = {}): Unknown {
  return { stage: 'unknown', session, command, raw: Buffer.from(command), ...fields };
}

export function abort(fields: Fields<Abort> = {}): Abort {
  return { stage: 'abort', session, ...fields };
}

export function close(fields: Fields<Close> = {}): Close {
  return { stage: 'close', session, ...fields };
}

/** The reply that an event is expected to become. */
export function decided(to: StageEvent, decision: Decision, ...modifications: Modification[]): Reply {
  return { stage: 'reply', to, decision, modifications };
}

function envelopeOf(
  address: string,
  { args = [] }: { readonly args?: readonly string[] },
): Omit<Mail, 'stage' | 'session'> {
  return envelope({ address, args, raw: Buffer.from(`<${address}>`) });
}
