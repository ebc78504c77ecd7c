import {
  type Rules,
  checkOptions,
  func,
  having,
  number,
  object,
  oneOf,
  or,
  required,
  string,
  whole,
} from '../common/options.js';
import { type Decision, type DecisionAt, checkDecision, tempfail } from '../session/decisions.js';
import type { EventAt } from '../session/flow.js';
import { decisionOf } from '../session/options.js';
import { STAGES, type Stage } from '../session/stage.js';
import { AWAY_RULES, type AwayOptions } from './away.js';
import { NETWORK_RULES, type NetworkSize } from './client-network.js';
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

const RULES: Rules<RateLimitOptions<Stage>> = {
  ...AWAY_RULES,
  key: required(
    or(func, ...Object.keys(RATE_STAGES)),
    `It has to be one of ${Object.keys(RATE_STAGES).join(', ')}, or a function.`,
  ),
  limit: required(whole(0)),
  window: required(number(1, Infinity, 'milliseconds')),
  stage: oneOf(...STAGES),
  counters: having('counters with a function hit, such as memoryCounters() or redisCounters(client)', 'hit'),
  decision: decisionOf('tempfail', 'reject', 'accept', 'proceed', 'discard', 'skip'),
  network: object(NETWORK_RULES),
  name: string,
};

/** Fills in the defaults, and throws where an option cannot be meant. */
export function resolveRateLimit(options: RateLimitOptions<Stage>): ResolvedRateLimit {
  checkOptions('rateLimit()', options, RULES);
  const { key } = options;
  const stage = stageOf(key, options.stage);
  const { counters = memoryCounters() } = options;
  const { ipv4 = 32, ipv6 = 64 } = options.network ?? {};
  const network = { ipv4, ipv6 };
  const {
    name = `${stage} ${typeof key === 'string' ? key : 'key'}`,
    decision = tempfail({
      code: 450,
      enhanced: '4.7.1',
      text: 'Too many in a short time, please try again later',
    }),
  } = options;
  checkDecision(decision, stage);
  return { stage, counters, decision, network, name };
}

function stageOf(key: RateLimitOptions<Stage>['key'], given: Stage | undefined): Stage {
  if (typeof key === 'function') return given ?? 'mail';
  const stages = RATE_STAGES[key];
  const [usual = 'mail'] = stages;
  if (given === undefined || stages.includes(given)) return given ?? usual;
  throw new TypeError(
    `rateLimit(): the key ${key} cannot be counted at stage ${given}. Use ${[...stages].join(', ')}, or a function as key.`,
  );
}
