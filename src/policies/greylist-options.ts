import { addressKey } from '../common/address-key.js';
import { checkOptions, func, having, number, object, oneOf, type Rules } from '../common/options.js';
import type { Rcpt } from '../session/flow.js';
import type { Awaitable } from './awaitable.js';
import { AWAY_RULES, type AwayOptions } from './away.js';
import { NETWORK_RULES, networkOf, type NetworkSize } from './client-network.js';
import type { KeyStore, KeyTimes } from './key-store.js';
import { memoryKeys } from './memory-keys.js';

/** How `greylist()` is set up; everything has a default. */
export interface GreylistOptions extends AwayOptions {
  /** Who remembers. Default `memoryKeys()`, which knows of this process only. */
  readonly store?: KeyStore | undefined;
  /** How long a first attempt has to wait, in milliseconds. Default 300 000 (5 minutes). */
  readonly delay?: number | undefined;
  /** How long after the first attempt one that passes may come, in milliseconds. Default 172 800 000 (2 days). */
  readonly window?: number | undefined;
  /** For how long one that has passed passes at once, from its last time on, in milliseconds. Default 35 days. */
  readonly lifetime?: number | undefined;
  /**
   * What has to be the same at both attempts. Default: the client's network, the sender and the recipient, by
   * their `addressKey()`. A function gives `undefined` for those who need not wait.
   */
  readonly key?: ((rcpt: Rcpt) => string | undefined) | undefined;
  /** How large the client's network is; see `clientNetwork()`. Default 24 bits of IPv4, 64 of IPv6. */
  readonly network?: NetworkSize | undefined;
  /** Says who passes without waiting. Default: nobody but those who have logged in, who always do. */
  readonly exempt?: ((rcpt: Rcpt) => Awaitable<boolean>) | undefined;
  /**
   * What of mail from the null sender: `'wait'`, like all; or `'pass'`, for the sake of servers that ask back whether a
   * sender exists, and take "later" for an answer. Default `'wait'`.
   */
  readonly nullSender?: 'wait' | 'pass' | undefined;
  /** The text of the reply, from the seconds that are left. Default `Greylisted, please try again in 300 seconds`. */
  readonly text?: ((seconds: number) => string) | undefined;
}

/** The same, complete and checked. */
export interface ResolvedGreylist {
  readonly store: KeyStore;
  readonly times: KeyTimes;
  readonly key: (rcpt: Rcpt) => string | undefined;
  readonly exempt: ((rcpt: Rcpt) => Awaitable<boolean>) | undefined;
  readonly nullSenderPasses: boolean;
  readonly text: (seconds: number) => string;
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

/** Fills in the defaults, and throws where an option cannot be meant. */
export function resolveGreylist(options: GreylistOptions): ResolvedGreylist {
  checkOptions('greylist()', options, RULES);
  const { delay = 5 * MINUTE, window = 2 * DAY, lifetime = 35 * DAY, network = {} } = options;
  if (window <= delay) {
    throw new RangeError(
      `greylist(): window is ${window}, which is not above delay, ${delay}: whoever waits would be forgotten before it passes.`,
    );
  }
  const { store = memoryKeys(), nullSender = 'wait', exempt, text = defaultText } = options;
  return {
    store,
    times: { delay, window, lifetime },
    key: options.key ?? ((rcpt) => tripletOf(rcpt, network)),
    exempt,
    nullSenderPasses: nullSender === 'pass',
    text,
  };
}

/** As JSON, since an address may hold whatever stands between two parts. */
function tripletOf({ session, mail, address }: Rcpt, network: NetworkSize): string {
  return JSON.stringify([networkOf(session.client, network), addressKey(mail.address), addressKey(address)]);
}

function defaultText(seconds: number): string {
  return `Greylisted, please try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
}
