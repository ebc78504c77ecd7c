import { checkOptions } from '../common/options.js';
import type { Client, SessionInfo } from '../session/session-info.js';
import { SMFIF, type Right } from '../transport/wire/flags.js';
import { SESSION_FIELDS } from './field-rules.js';
import { FixedMacros } from './fixed-macros.js';

/** What can be said about a made-up connection; macros by name, with or without braces. */
export interface SessionFields extends Partial<Omit<SessionInfo, 'client' | 'macros'>> {
  readonly client?: Partial<Client>;
  readonly macros?: Readonly<Record<string, string>>;
}

const CLIENT: Client = { host: 'client.example', family: 'inet', port: 40_025, address: '192.0.2.1' };
const RIGHTS = (Object.keys(SMFIF) as Right[]).filter((right) => right !== 'SETSYMLIST');

/**
 * Makes up what is known of a connection, for events that no connection made. What is not given is the same every time.
 *
 * Each call makes a connection of its own: events that are to share what `privateData` keeps need the same one.
 *
 * @example rcpt('bob@example.org', { session: session({ macros: { auth_authen: 'alice' } }) })
 */
export function session(fields: SessionFields = {}): SessionInfo {
  checkOptions('session()', fields, SESSION_FIELDS, 'field');
  const { client, macros, ...others } = fields;
  return Object.freeze({
    id: 'drawn',
    helo: 'client.example',
    version: 6,
    rights: RIGHTS,
    protocol: [],
    leadingSpace: fields.protocol?.includes('HDR_LEADSPC') ?? false,
    mta: 'unknown',
    ...others,
    client: Object.freeze({ ...CLIENT, ...client }),
    macros: new FixedMacros(macros ?? {}),
  });
}
