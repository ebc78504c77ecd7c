import type { MtaName } from '../session/profiles/profile.js';
import type { Client, Macros, SessionInfo } from '../session/session-info.js';
import type { ProtocolFlag, Right } from '../transport/wire/flags.js';

/** What changes of a session while it goes on, at one moment. */
export interface Moment {
  readonly client: Client;
  readonly helo: string | undefined;
  readonly macros: Macros;
}

/**
 * A session as a filter in the shadow sees it. The mail does not wait for that filter, so what the session knows by now
 * may belong to a later event, or to the next message; here it is as it was at the event that the filter is about.
 */
export class ShadowSession implements SessionInfo {
  /** The moment that is shown; without one it is the present. */
  moment: Moment | undefined;
  readonly #real: SessionInfo;

  constructor(real: SessionInfo, moment?: Moment) {
    this.#real = real;
    this.moment = moment;
  }

  /** From now on it shows what it shows now. */
  keep(): void {
    this.moment ??= momentOf(this.#real);
  }

  /** The session as it is shown now, which stays so. */
  still(): ShadowSession {
    return new ShadowSession(this.#real, this.moment ?? momentOf(this.#real));
  }

  get id(): string {
    return this.#real.id;
  }

  get client(): Client {
    return (this.moment ?? this.#real).client;
  }

  get helo(): string | undefined {
    return (this.moment ?? this.#real).helo;
  }

  get version(): number {
    return this.#real.version;
  }

  get rights(): readonly Right[] {
    return this.#real.rights;
  }

  get protocol(): readonly ProtocolFlag[] {
    return this.#real.protocol;
  }

  get leadingSpace(): boolean {
    return this.#real.leadingSpace;
  }

  get macros(): Macros {
    return (this.moment ?? this.#real).macros;
  }

  get mta(): MtaName {
    return this.#real.mta;
  }
}

/** The session as it is now. */
export function momentOf({ client, helo, macros }: SessionInfo): Moment {
  const all = macros.all();
  return {
    client,
    helo,
    macros: {
      get: (name) => all[name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name],
      all: () => all,
    },
  };
}
