import { checkOptions, func, having, number, object, oneOf, type Rules } from '../common/options.js';
import { isPromise } from '../common/promises.js';
import type { Filter } from '../operators/core/filter.js';
import { on } from '../operators/on.js';
import { type Decision, tempfail } from '../session/decisions.js';
import type { Rcpt } from '../session/flow.js';
import { turnOf } from '../session/turn.js';
import { clientNetwork, NETWORK_RULES, type NetworkSize } from './client-network.js';
import { checkKey } from './keys.js';
import { memoryKeys } from './memory-stores.js';
import { AWAY_RULES, type AwayOptions, Outage } from './outage.js';
import type { Awaitable, KeyStore } from './stores.js';

/** How `greylist()` is set up; everything has a default. Times are in milliseconds. */
export interface GreylistOptions extends AwayOptions {
  /** The store. Default `memoryKeys()`, in this process only. */
  readonly store?: KeyStore | undefined;
  /** How long a first attempt has to wait. Default 300 000 (5 minutes). */
  readonly delay?: number | undefined;
  /** How long after the first attempt one that passes may come. Default 172 800 000 (2 days). */
  readonly window?: number | undefined;
  /** For how long after an attempt that passed others pass at once. Default 35 days. */
  readonly lifetime?: number | undefined;
  /** What has to be the same at both attempts; `undefined`: passes. Default: the client's network, sender, recipient. */
  readonly key?: ((rcpt: Rcpt) => string | undefined) | undefined;
  /** The size of the client's network; see `clientNetwork()`. Default 24 bits of IPv4, 64 of IPv6. */
  readonly network?: NetworkSize | undefined;
  /** Whether a recipient passes without waiting. Default: none. */
  readonly exempt?: ((rcpt: Rcpt) => Awaitable<boolean>) | undefined;
  /** `'pass'` for the sake of servers that ask back whether a sender exists. Default `'wait'`. */
  readonly nullSender?: 'wait' | 'pass' | undefined;
  /** The text of the reply, from the seconds that are left. Default `Greylisted, please try again in 300 seconds`. */
  readonly text?: ((seconds: number) => string) | undefined;
}

const RULES: Rules<GreylistOptions> = {
  ...AWAY_RULES,
  store: having('a store with a function attempt, such as memoryKeys() or redisKeys(client)', 'attempt'),
  delay: number(0, Infinity, 'milliseconds'),
  window: number(1, Infinity, 'milliseconds'),
  lifetime: number(1, Infinity, 'milliseconds'),
  key: func,
  network: object(NETWORK_RULES),
  exempt: func,
  nullSender: oneOf('wait', 'pass'),
  text: func,
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/**
 * Defers each recipient of a stranger's mail once. Mail servers try again; much of what sends spam does not.
 *
 * @remarks The first attempt of a client's network, sender and recipient gets `451 4.7.1` with the seconds to wait
 *   (RFC 6647), and so does any other within `delay`. Those after that pass, as long as they come within `window`, and
 *   later ones within `lifetime`. Users who have logged in pass (`session.auth`), and so do recipients that the
 *   MTA has rejected. A client that disconnects while the store is asked leaves an attempt behind.
 * @throws RangeError where a time or a size is out of range, TypeError where another option is wrong
 * @example greylist({ store: redisKeys(client), delay: 60_000, away: 'pass' })
 */
export function greylist(options: GreylistOptions = {}): Filter {
  checkOptions('greylist()', options, RULES);
  const { delay = 5 * MINUTE, window = 2 * DAY, lifetime = 35 * DAY, store = memoryKeys() } = options;
  if (window <= delay) {
    throw new RangeError(
      `greylist(): window is ${window}, which is not above delay, ${delay}: a sender that waits would be forgotten before it passes.`,
    );
  }
  const { network, exempt, nullSender, text = defaultText } = options;
  const { key = (rcpt: Rcpt): string => tripletOf(rcpt, network) } = options;
  const outage = new Outage(options);

  const ask = (rcpt: Rcpt): Awaitable<Decision | undefined> => {
    const name = checkKey('greylist()', key(rcpt));
    if (name === undefined) return undefined;
    return outage.ask(
      rcpt,
      () => store.attempt(name, { delay, window, lifetime }),
      (left) =>
        left > 0
          ? tempfail({ code: 451, enhanced: '4.7.1', text: text(Math.ceil(left / 1_000)) })
          : undefined,
    );
  };

  const project = (rcpt: Rcpt): Awaitable<Decision | undefined> => {
    if (rcpt.session.auth !== undefined || rcpt.rejected !== undefined) return undefined;
    if (nullSender === 'pass' && rcpt.mail.mailbox === '') return undefined;
    const passes: unknown = exempt?.(rcpt) ?? false;
    if (!isPromise(passes)) return isExempt(passes) ? undefined : ask(rcpt);
    return Promise.resolve(passes).then((given) =>
      // A client that has disconnected meanwhile has made no attempt.
      turnOf(rcpt)?.ended === true || isExempt(given) ? undefined : ask(rcpt),
    );
  };
  return on('rcpt', project as Parameters<typeof on<'rcpt'>>[1]);
}

/** As JSON, since an address may hold any separator of the parts. */
function tripletOf({ session, mail, mailbox }: Rcpt, network: NetworkSize | undefined): string {
  return JSON.stringify([clientNetwork(session.client, network), mail.mailbox, mailbox]);
}

function defaultText(seconds: number): string {
  return `Greylisted, please try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
}

/** An object, such as an Observable, is true by being there, and would let all mail pass. */
function isExempt(passes: unknown): boolean {
  if (typeof passes === 'object' && passes !== null)
    throw new TypeError('greylist(): exempt gave an object. Give true or false, or a promise of these.');
  return Boolean(passes);
}
