import type { SessionInfo } from './session-info.js';

/** Data of a filter's own for each SMTP connection; see `privateData()`. */
export interface PrivateData<T> {
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
 * @example
 * const strikes = privateData(() => ({ count: 0 }));
 * const filter = on('mail', ({ session }) => (strikes.get(session).count > 10 ? tempfail('Slow down') : undefined));
 */
export function privateData<T>(initial: (session: SessionInfo) => T): PrivateData<T> {
  const kept = new WeakMap<SessionInfo, { data: T }>();
  return {
    get(session) {
      let entry = kept.get(session);
      if (entry === undefined) kept.set(session, (entry = { data: initial(session) }));
      return entry.data;
    },
    set(session, data) {
      kept.set(session, { data });
    },
    delete(session) {
      kept.delete(session);
    },
  };
}
