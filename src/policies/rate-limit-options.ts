import { checkNumber } from '../lookups/check-options.js';
import { checkDecision } from '../session/check-answer.js';
import type { Decision, DecisionAt } from '../session/decision.js';
import { tempfail } from '../session/decisions/tempfail.js';
import type { EventAt } from '../session/flow.js';
import { ALL_STAGES, stageSet, type Stage } from '../session/stage.js';
import type { AwayOptions } from './away.js';
import { clientNetwork, type NetworkSize } from './client-network.js';
import type { Counters } from './counters.js';
import { memoryCounters } from './memory-counters.js';
import { RATE_STAGES, type RateKey } from './rate-key.js';

/** How `rateLimit()` is set up. */
export interface RateLimitOptions<S extends Stage> extends AwayOptions {
  /**
   * Whose hits are counted together: the network of the client, the user who has logged in, the sender, the recipient,
   * the subject. Or a function, which gives `undefined` for what is not counted. What has no such key (nobody has logged
   * in, the null sender, no subject) is not counted either.
   */
  readonly key: RateKey | ((event: EventAt<NoInfer<S>>) => string | undefined);
  /** How many are let through in each window. */
  readonly limit: number;
  /** The window, in milliseconds. */
  readonly window: number;
  /**
   * What is counted, and decided: at `rcpt` recipients, at `mail` messages that begin, at `eom` those that were sent to
   * their end, at `connect` connections. Default `mail`; for the key `recipient` `rcpt`, for `subject` `eoh`.
   */
  readonly stage?: S | undefined;
  /** Who counts. Default `memoryCounters()`, of this filter alone and in this process only. */
  readonly counters?: Counters | undefined;
  /** What is above the limit gets. Default a `tempfail()` with `450 4.7.1`. */
  readonly decision?: DecisionAt<NoInfer<S>> | undefined;
  /** How large the client's network is; see `clientNetwork()`. Default 32 bits of IPv4, 64 of IPv6. */
  readonly network?: NetworkSize | undefined;
  /**
   * What is counted apart where several limits share their counters. Default the stage and the key (`mail client`):
   * needed only for several functions as keys at the same stage.
   */
  readonly name?: string | undefined;
}

/** The same, complete and checked. */
export interface ResolvedRateLimit {
  readonly stage: Stage;
  readonly counters: Counters;
  readonly decision: Decision;
  readonly network: NetworkSize;
  readonly name: string;
}

/** Fills in the defaults, and throws where an option cannot be meant. */
export function resolveRateLimit(options: RateLimitOptions<Stage>): ResolvedRateLimit {
  const { key, limit, window } = options;
  checkNumber('rateLimit(): limit', limit, 0, true);
  checkNumber('rateLimit(): window', window, 1);
  const stage = stageOf(key, options.stage);
  const { counters = memoryCounters() } = options;
  const { ipv4 = 32, ipv6 = 64 } = options.network ?? {};
  const network = { ipv4, ipv6 };
  if (typeof (counters as Partial<Counters> | null)?.hit !== 'function') {
    throw new TypeError(
      'rateLimit(): counters has no function hit. Use memoryCounters() or redisCounters(client).',
    );
  }
  const {
    name = `${stage} ${typeof key === 'string' ? key : 'key'}`,
    decision = tempfail({
      code: 450,
      enhanced: '4.7.1',
      text: 'Too many in a short time, please try again later',
    }),
  } = options;
  checkDecision(decision, stage);
  // A size that is out of range is found now and not with the first mail.
  clientNetwork({ address: '', family: 'unknown' }, network);
  return { stage, counters, decision, network, name };
}

function stageOf(key: unknown, given: Stage | undefined): Stage {
  if (given !== undefined) stageSet(given, ALL_STAGES);
  if (typeof key === 'function') return given ?? 'mail';
  const stages =
    typeof key === 'string' && Object.hasOwn(RATE_STAGES, key) ? RATE_STAGES[key as RateKey] : undefined;
  if (stages === undefined) {
    const names = Object.keys(RATE_STAGES).join(', ');
    throw new TypeError(`rateLimit(): key is ${JSON.stringify(key)}. Use one of ${names}, or a function.`);
  }
  const [usual = 'mail'] = stages;
  if (given === undefined || stages.includes(given)) return given ?? usual;
  throw new TypeError(
    `rateLimit(): the key ${String(key)} cannot be counted at stage ${given}. Use ${[...stages].join(', ')}, or a function as key.`,
  );
}
