import { shown } from '../common/options.js';
import type { SessionInfo } from './session-info.js';

/** Data of a filter's own for each SMTP connection; see `sessionData()`. */
export interface SessionData<T> {
  /** The data of the connection; made by `initial` where it has none yet. */
  get(session: SessionInfo): T;
  /** Gives the connection other data. */
  set(session: SessionInfo, data: T): void;
  /** Forgets the data: the next `get` makes new data. */
  delete(session: SessionInfo): void;
}

/**
 * Makes a place for data of each SMTP connection, which several filters can share.
 *
 * @remarks
 * libmilter's `smfi_setpriv` and `smfi_getpriv`, with a type, one for each purpose. The data is forgotten with the
 * connection. For data of one message see `perMessage`, for that of a single filter `perConnection`.
 *
 * @param initial makes the data of a connection when it is first asked for; what it throws, `get` throws
 * @throws TypeError (`get`, `set`, `delete`) for what is not a session
 * @example
 * const strikes = sessionData(() => ({ count: 0 }));
 * const filter = on('mail', ({ session }) => (strikes.get(session).count > 10 ? tempfail('Slow down') : undefined));
 */
export function sessionData<T>(initial: (session: SessionInfo) => T): SessionData<T> {
  const kept = new WeakMap<SessionInfo, { data: T }>();
  return {
    get(session) {
      checkSession(session);
      let entry = kept.get(session);
      if (entry === undefined) kept.set(session, (entry = { data: initial(session) }));
      return entry.data;
    },
    set(session, data) {
      checkSession(session);
      kept.set(session, { data });
    },
    delete(session) {
      checkSession(session);
      kept.delete(session);
    },
  };
}

/** An event in place of its session would have data of its own each time. */
function checkSession(given: unknown): void {
  if (
    typeof given === 'object' &&
    given !== null &&
    'client' in given &&
    'macros' in given &&
    'version' in given
  )
    return;
  throw new TypeError(`sessionData(): ${shown(given)} is not a session. Give it event.session.`);
}
