import { type ProtocolFlag, type Right, SMFIF, SMFIP } from '../../transport/wire/flags.js';
import { type Agreement, NOTHING_AGREED } from '../negotiation/terms.js';
import type { MtaName, Profile } from '../profiles/profile.js';
import { GENERIC, recognise } from '../profiles/recognise.js';
import { SessionFacts } from '../session-facts.js';
import type { Client, SessionInfo } from '../session-info.js';
import { MacroStore } from './macro-store.js';

const NO_CLIENT: Client = Object.freeze({ host: '', family: 'unknown', port: 0, address: '' });

let sessions = 0;

/** The envelope of a message so far, as it came. */
export interface EnvelopeSoFar {
  readonly sender: string | undefined;
  readonly recipient: string | undefined;
}

/** The `SessionInfo` of a connection, as the connection itself keeps it. */
export class SessionState extends SessionFacts implements SessionInfo {
  readonly id = (++sessions).toString(36);
  readonly macros = new MacroStore();
  client: Client = NO_CLIENT;
  helo: string | undefined = undefined;
  agreement: Agreement = NOTHING_AGREED;
  /** Whether the client's address came with `IPv6:` before it, as Sendmail writes it. */
  prefixed = false;
  /** Of the message in progress. */
  envelope: EnvelopeSoFar | undefined = undefined;
  /** The names of the message's headers; nothing where the MTA has shown none. */
  shownHeaders: string[] | undefined = undefined;
  #profile: Profile = GENERIC;
  /** How many sets of macros there were when it was judged by them. */
  #judged = -1;

  get leadingSpace(): boolean {
    return this.agreement.blank !== 'hidden';
  }

  get version(): number {
    return this.agreement.version;
  }

  get rights(): readonly Right[] {
    return rightsOf(this.agreement.actions);
  }

  get protocol(): readonly ProtocolFlag[] {
    return namesOf(SMFIP, this.agreement.protocol);
  }

  /** An MTA that was recognised once stays so: the sign may be a macro of one message. */
  get profile(): Profile {
    if (this.#profile === GENERIC && this.#judged !== this.macros.sets) {
      this.#judged = this.macros.sets;
      this.#profile = recognise(this.macros, this.prefixed);
    }
    return this.#profile;
  }

  get mta(): MtaName {
    return this.profile.name;
  }
}

const RIGHTS = new Map<number, readonly Right[]>();

/** The names of the rights in a set; one array for each set, as there are few. */
export function rightsOf(actions: number): readonly Right[] {
  let names = RIGHTS.get(actions);
  if (names === undefined) RIGHTS.set(actions, (names = namesOf(SMFIF, actions)));
  return names;
}

function namesOf<Name extends string>(bits: Readonly<Record<Name, number>>, set: number): readonly Name[] {
  return Object.freeze((Object.keys(bits) as Name[]).filter((name) => (bits[name] & set) !== 0));
}
