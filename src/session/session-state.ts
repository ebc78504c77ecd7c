import { SMFIF, type Right } from '../transport/smfif.js';
import { MacroStore } from './macro-store.js';
import type { Client, SessionInfo } from './session-info.js';

const NOBODY: Client = Object.freeze({ host: '', family: 'unknown', port: 0, address: '' });

let sessions = 0;

/** The `SessionInfo` of a connection, as the connection itself keeps it. */
export class SessionState implements SessionInfo {
  readonly id: string;
  readonly macros: MacroStore;
  client: Client = NOBODY;
  helo: string | undefined = undefined;
  version = 0;
  /** Bits of `SMFIF`. */
  actions = 0;

  constructor() {
    this.macros = new MacroStore();
    this.id = (++sessions).toString(36);
  }

  get rights(): readonly Right[] {
    return rightsOf(this.actions);
  }

  get mta(): 'postfix' | 'sendmail' | 'unknown' {
    const version = this.macros.get('v') ?? '';
    if (/postfix/i.test(version)) return 'postfix';
    // Names of the interface that the client came in by are Sendmail's alone; Postfix has none of them.
    if (/^\d+\.\d+\.\d+/.test(version) || this.macros.get('if_addr') !== undefined) return 'sendmail';
    return this.macros.get('if_name') === undefined ? 'unknown' : 'sendmail';
  }
}

const RIGHTS = new Map<number, readonly Right[]>();

/** The names of the rights in a set; one array for each set, as there are few. */
export function rightsOf(actions: number): readonly Right[] {
  let names = RIGHTS.get(actions);
  if (names === undefined) {
    names = Object.freeze((Object.keys(SMFIF) as Right[]).filter((name) => (SMFIF[name] & actions) !== 0));
    RIGHTS.set(actions, names);
  }
  return names;
}
