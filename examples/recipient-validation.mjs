// @ts-check
// npm install rxmilter rxjs
// npx rxmilter serve --listen inet:8891@127.0.0.1 recipient-validation.mjs
import { catchError, concat, finalize, find, map, Observable, of, share, timeout } from 'rxjs';
import { on, reject, tempfail } from 'rxmilter';

/**
 * Who lives here: a database, an LDAP server, a file. `signal` is aborted when nobody waits for the answer any more.
 *
 * @typedef {{ lookUp(address: string, signal: AbortSignal): Promise<boolean> }} Directory
 */

/**
 * Refuses recipients that the directory does not know, where they can be refused one by one: at RCPT. Not for
 * `non_smtpd_milters`: Postfix cannot refuse a recipient of mail that is submitted on the machine itself.
 *
 * @param {Directory} directory
 * @param {{ domains: Iterable<string>, limit?: number, report?: (error: unknown) => void }} options `limit` is how long
 * a look-up may take, in milliseconds; two of them have to fit into the time that the MTA waits (Sendmail: 10 s)
 */
export function recipientValidation(directory, { domains, limit = 3000, report = console.error }) {
  const ours = new Set(domains);
  /** @type {Map<string, Observable<boolean>>} */
  const underWay = new Map();

  /** Asks once, however many wait for the same address; when the last of them has gone the look-up is cancelled. */
  const known = (/** @type {string} */ address) => {
    const asked =
      underWay.get(address) ??
      lookUp(directory, address).pipe(
        timeout({ first: limit }),
        finalize(() => underWay.delete(address)),
        share(),
      );
    underWay.set(address, asked);
    return asked;
  };

  return on('rcpt', ({ mailbox, domain }) => {
    // Mail to elsewhere is not for this directory, and RFC 5321 wants postmaster to be reachable.
    if (!ours.has(domain) || mailbox === `postmaster@${domain}`) return undefined;
    const local = mailbox.slice(0, -domain.length - 1);
    // Longer names are none (RFC 5321, 4.5.3.1.1).
    if (local.length > 256) return reject({ code: 550, enhanced: '5.1.1', text: 'No such user here' });
    const names = [local, local.replace(/(?<=.)\+.*$/s, '')];
    return concat(...[...new Set(names)].map((name) => known(`${name}@${domain}`))).pipe(
      find((found) => found),
      map((found) =>
        found ? undefined : reject({ code: 550, enhanced: '5.1.1', text: 'No such user here' }),
      ),
      // A directory that is away knows nobody, and that is no reason to refuse mail for good.
      catchError((error) => {
        report(error);
        return of(
          tempfail({ code: 451, enhanced: '4.4.3', text: 'Cannot look up the recipient, try again' }),
        );
      }),
    );
  });
}

/**
 * A look-up that begins when it is subscribed to, and is cancelled by unsubscribing.
 *
 * @param {Directory} directory
 * @param {string} address
 * @returns {Observable<boolean>}
 */
function lookUp(directory, address) {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    directory.lookUp(address, stop.signal).then(
      (found) => {
        subscriber.next(found);
        subscriber.complete();
      },
      (error) => subscriber.error(error),
    );
    return () => stop.abort();
  });
}

/**
 * @param {Iterable<string>} addresses
 * @returns {Directory}
 */
export function directoryOf(addresses) {
  const all = new Set(addresses);
  return { lookUp: async (address) => all.has(address) };
}

/** The filter for `rxmilter serve`. */
export default () =>
  recipientValidation(directoryOf(['alice@example.org', 'bob@example.org']), { domains: ['example.org'] });
