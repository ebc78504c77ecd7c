import { ignoreRejection, isPromise } from '../common/promises.js';
import { textOf } from '../common/text-of.js';
import type { Filter } from '../operators/core/filter.js';
import { on } from '../operators/on.js';
import { authenticatedUser } from '../session/session-info.js';
import { type Tempfail, tempfail } from '../session/decisions.js';
import type { Rcpt } from '../session/flow.js';
import { turnOf } from '../session/turn.js';
import { type GreylistOptions, resolveGreylist } from './greylist-options.js';
import { Outage } from './outage.js';

/**
 * Puts off each recipient of a stranger's mail once: a mail server tries again, much of what sends spam does not.
 *
 * The first attempt of a client's network, sender and recipient gets `451 4.7.1` with the seconds to wait (RFC 6647), and
 * so does any other within `delay`. One that comes after that passes, and all later ones within `lifetime` of the last
 * one pass at once. Where no attempt comes within `window`, the next one is a first one again. Who has logged in passes
 * (`authenticatedUser()`), so does a recipient that the MTA has rejected already.
 *
 * While the store cannot be asked, `away` says what becomes of mail, and the error is reported once and not for each
 * mail. A client that goes away while the store is asked leaves an attempt behind, as if it had been answered.
 *
 * @throws RangeError where a time or a size is out of range
 * @throws TypeError where another option is not what it should be
 * @example greylist({ store: redisKeys(client), delay: 60_000, away: 'pass' })
 */
export function greylist(options: GreylistOptions = {}): Filter {
  const { store, times, key, exempt, nullSenderPasses, text } = resolveGreylist(options);
  const outage = new Outage(options);

  const ask = (rcpt: Rcpt): ReturnType<typeof outage.ask<Tempfail | undefined>> => {
    const name = key(rcpt);
    if (name === undefined) return undefined;
    checkKey(name);
    return outage.ask(
      rcpt,
      () => store.attempt(name, times),
      (left) => (left > 0 ? waitFor(left, text) : undefined),
    );
  };

  return on('rcpt', (rcpt) => {
    const known = authenticatedUser(rcpt.session) !== undefined;
    if (known || rcpt.rejected !== undefined) return undefined;
    if (nullSenderPasses && rcpt.mail.address === '') return undefined;
    const passes: unknown = exempt?.(rcpt) ?? false;
    if (!isPromise(passes)) return isExempt(passes) ? undefined : ask(rcpt);
    return Promise.resolve(passes).then((yes) => {
      // A client that has gone meanwhile has made no attempt.
      if (turnOf(rcpt)?.ended === true) return undefined;
      return isExempt(yes) ? undefined : ask(rcpt);
    });
  });
}

function waitFor(left: number, text: (seconds: number) => string): Tempfail {
  return tempfail({ code: 451, enhanced: '4.7.1', text: text(Math.ceil(left / 1_000)) });
}

/** What is true by being there, such as an Observable, would let everybody pass. */
function isExempt(passes: unknown): boolean {
  if (typeof passes === 'object' && passes !== null)
    throw new TypeError('greylist(): exempt gave an object. Give true or false, or a promise of these.');
  return Boolean(passes);
}

function checkKey(key: unknown): void {
  if (typeof key === 'string') return;
  ignoreRejection(key);
  throw new TypeError(`greylist(): key gave ${textOf(key)}. Give a string, or undefined.`);
}
