import {
  anything,
  boolean,
  checkOptions,
  either,
  having,
  listOf,
  object,
  oneOf,
  string,
  whole,
  type Rules,
} from '../common/options.js';
import { macroValues } from '../mta/client/macros.js';
import { CONNECT_RULES } from '../mta/simulate/mail.js';
import { bareName } from '../session/negotiation/terms.js';
import { authOf, tlsOf, valueOf } from '../session/session-facts.js';
import type { Client, Macros, SessionInfo } from '../session/session-info.js';
import { SMFIF, SMFIP, type Right } from '../transport/wire/flags.js';

/** The fields of a made-up connection; macros by name, with or without braces. */
export interface SessionFields extends Partial<Omit<SessionInfo, 'client' | 'macros'>> {
  readonly client?: Partial<Client>;
  readonly macros?: Readonly<Record<string, string>>;
}

const { raw: _raw, ...CLIENT_RULES } = CONNECT_RULES;

/** The rules of `SessionFields`. */
export const SESSION_FIELDS: Rules<SessionFields> = {
  id: string,
  helo: string,
  version: whole(0),
  rights: listOf(...Object.keys(SMFIF)),
  protocol: listOf(...Object.keys(SMFIP)),
  leadingSpace: boolean,
  queueId: string,
  auth: anything,
  tls: anything,
  mta: oneOf('postfix', 'sendmail', 'unknown'),
  client: object<Client>(CLIENT_RULES),
  // Those of a session that was made already are right as well.
  macros: { ...either(macroValues, having('', 'get', 'all')), expected: macroValues.expected },
};

const CLIENT: Client = { host: 'client.example', family: 'inet', port: 40_025, address: '192.0.2.1' };
const RIGHTS = (Object.keys(SMFIF) as Right[]).filter((right) => right !== 'SETSYMLIST');

/**
 * Makes up a connection for events that come from no mail server.
 *
 * @remarks
 * Each call makes another connection, with equal values: events that are to share what `sessionData` keeps need one and
 * the same.
 *
 * @throws TypeError or RangeError where a field is wrong
 * @example rcpt('bob@example.org', { session: session({ macros: { auth_authen: 'alice' } }) })
 */
export function session(fields: SessionFields = {}): SessionInfo {
  checkOptions('session()', fields, SESSION_FIELDS, 'field');
  const { client, macros = {}, ...others } = fields;
  const fixed = new FixedMacros(macros);
  return Object.freeze({
    id: 'drawn',
    helo: 'client.example',
    version: 6,
    rights: RIGHTS,
    protocol: [],
    leadingSpace: fields.protocol?.includes('HDR_LEADSPC') ?? false,
    mta: 'unknown',
    queueId: valueOf(fixed, 'i'),
    auth: authOf(fixed),
    tls: tlsOf(fixed),
    ...others,
    client: Object.freeze({ ...CLIENT, ...client }),
    macros: fixed,
  });
}

/** Macros that do not change. A class, so that those with the same values are equal to every test runner. */
class FixedMacros implements Macros {
  /** By bare name. */
  readonly values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    const bare = Object.entries(values).map(([name, value]) => [bareName(name), value]);
    this.values = Object.freeze(Object.fromEntries(bare) as Record<string, string>);
  }

  get(name: string): string | undefined {
    const bare = bareName(name);
    return Object.hasOwn(this.values, bare) ? this.values[bare] : undefined;
  }

  all(): Readonly<Record<string, string>> {
    return this.values;
  }
}
