import type { MacroStore } from '../connection/macro-store.js';
import { MADDY } from './maddy.js';
import { POSTFIX } from './postfix.js';
import { type KnownProfile, type MtaKind, type MtaName, type Profile, USUAL } from './profile.js';
import { SENDMAIL } from './sendmail.js';
import { STALWART } from './stalwart.js';

/** A mail server that is not known. It may be a Sendmail that has not shown itself yet. */
export const GENERIC: Profile = {
  ...USUAL,
  name: 'unknown',
  version: /^/,
  recognises: () => true,
  adds: 'unknown',
  makes: new Set(),
  countsConfigured: false,
  keepsName: false,
  noArguments: [''],
  codesRejections: false,
};

/** In the order in which their signs count. */
const PROFILES: readonly Profile[] = [STALWART, MADDY, SENDMAIL, POSTFIX, GENERIC];

/** The last version that was recognised: a server hears from the same few mail servers. */
let latest: { readonly version: Buffer; readonly profile: Profile } | undefined;

/**
 * Recognises the MTA of a connection by its macros so far: by `v` alone where it sends that, as Postfix does at
 * CONNECT. `prefixed`: the address of the client was written with `IPv6:` before it.
 */
export function recognise(macros: MacroStore, prefixed: boolean): Profile {
  const version = macros.version();
  if (version === undefined)
    return PROFILES.find((profile) => profile.recognises(macros, prefixed)) ?? GENERIC;
  if (latest?.version.equals(version) !== true) {
    const text = version.toString();
    const profile = PROFILES.find((each) => each.version.test(text)) ?? GENERIC;
    // A copy: the bytes are part of a larger buffer.
    latest = { version: Buffer.from(version), profile };
  }
  return latest.profile;
}

const KNOWN: Readonly<Record<MtaKind, KnownProfile>> = {
  postfix: POSTFIX,
  sendmail: SENDMAIL,
  stalwart: STALWART,
  maddy: MADDY,
};

/** The mail servers that can be simulated. */
export const MTA_KINDS = Object.keys(KNOWN) as readonly MtaKind[];

export function profileOf(mta: MtaKind = 'postfix'): KnownProfile {
  return KNOWN[mta];
}

const MADE: ReadonlySet<string> = new Set(PROFILES.flatMap(({ makes }) => [...makes]));

/** Whether a mail server makes a header of that name where it is missing. */
export function isMade(name: string): boolean {
  return MADE.has(name.toLowerCase());
}

export function profileNamed(name: MtaName): Profile {
  return PROFILES.find((profile) => profile.name === name) ?? GENERIC;
}
