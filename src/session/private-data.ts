import type { SessionInfo } from './session-info.js';

/** Data of a filter's own for each SMTP connection; see `privateData()`. */
export interface PrivateData<T> {
  /** What the connection has; made by `initial` where it has none yet. */
  get(session: SessionInfo): T;
  /** Gives the connection another. */
  set(session: SessionInfo, data: T): void;
  /** Takes it away: the next `get` makes a new one. */
  delete(session: SessionInfo): void;
}

/**
 * Makes a place for data of each SMTP connection, which several filters can share.
 *
 * @remarks
 * It is libmilter's `smfi_setpriv` and `smfi_getpriv`, with a type, and one for each purpose. The data is forgotten with the connection. For data of one message use `perMessage`; for what a single filter keeps of a
 * connection `perConnection` does as well.
 *
 * @param initial makes what a connection has at first; called at most once for each, when it is first asked for. What
 *   it throws, `get` throws.
 * @example
 * const strikes = privateData(() => ({ count: 0 }));
 * const filter = compose(
 *   on('rcpt', ({ session, address }) => (known(address) ? undefined : (strikes.get(session).count++, reject()))),
 *   on('mail', ({ session }) => (strikes.get(session).count > 10 ? tempfail('Slow down') : undefined)),
 * );
 */
export function privateData<T>(initial: (session: SessionInfo) => T): PrivateData<T> {
  const kept = new WeakMap<SessionInfo, { data: T }>();
  return {
    get(session) {
      let entry = kept.get(session);
      if (entry === undefined) {
        entry = { data: initial(session) };
        kept.set(session, entry);
      }
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
