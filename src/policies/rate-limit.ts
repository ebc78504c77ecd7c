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
  withDefaults,
} from '../common/options.js';
import { compose } from '../operators/compose.js';
import type { Filter } from '../operators/core/filter.js';
import { observe } from '../operators/observe.js';
import { on } from '../operators/on.js';
import { perMessage } from '../operators/per-message.js';
import { type DecisionAt, checkDecision, tempfail } from '../session/decisions.js';
import type { EventAt, MilterEvent, StageEvent } from '../session/flow.js';
import { decisionOf } from '../session/options.js';
import { STAGES, type Stage } from '../session/stage.js';
import { NETWORK_RULES, type NetworkSize, ONE_MACHINE } from './client-network.js';
import { RATE_SUBJECTS, type RateKey, checkKey } from './keys.js';
import { memoryCounters } from './memory-stores.js';
import { AWAY_RULES, type AwayOptions, Outage } from './outage.js';
import type { Counters } from './stores.js';

/** How `rateLimit()` is set up. */
export interface RateLimitOptions<S extends Stage> extends AwayOptions {
  /** Whose hits are counted together: a subject, or a function; events without one are not counted. */
  readonly key: RateKey | ((event: EventAt<NoInfer<S>>) => string | undefined);
  /** How many pass in each window. */
  readonly limit: number;
  /** The window, in milliseconds. */
  readonly window: number;
  /** The stage that is counted and decided. Default `mail`; `rcpt` for the key `recipient`, `eoh` for `subject`. */
  readonly stage?: S | undefined;
  /** The store. Default `memoryCounters()`, for this filter alone and in this process only. */
  readonly counters?: Counters | undefined;
  /** The decision about events above the limit. Default a `tempfail()` with `450 4.7.1`. */
  readonly decision?: DecisionAt<NoInfer<S>> | undefined;
  /** The size of the client's network; see `clientNetwork()`. Default 32 bits of IPv4, 64 of IPv6. */
  readonly network?: NetworkSize | undefined;
  /** The name of this limit among those with the same counters. Default the stage and the key: `mail client`. */
  readonly name?: string | undefined;
}

const KEYS = Object.keys(RATE_SUBJECTS);

const RULES: Rules<RateLimitOptions<Stage>> = {
  ...AWAY_RULES,
  key: required(or(func, ...KEYS), `It has to be one of ${KEYS.join(', ')}, or a function.`),
  limit: required(whole(0)),
  window: required(number(1, Infinity, 'milliseconds')),
  stage: oneOf(...STAGES),
  counters: having('counters with a function hit, such as memoryCounters() or redisCounters(client)', 'hit'),
  decision: decisionOf('tempfail', 'reject', 'accept', 'allow', 'discard', 'skip'),
  network: object(NETWORK_RULES),
  name: string,
};

const TEXT = 'Too many in a short time, please try again later';

/**
 * Limits how many events of all connections pass in a window of time, and defers the rest.
 *
 * @remarks Deferred events are not counted, nor are recipients that the MTA has rejected; events that a later filter
 *   refuses are.
 * @throws RangeError where a number is out of range, AnswerError where the decision is not legal at the stage, TypeError
 *   where the key does not go with the stage, or another option is wrong
 * @example rateLimit({ key: 'user', stage: 'rcpt', limit: 500, window: 86_400_000, counters: redisCounters(client) })
 */
export function rateLimit<const S extends Stage = 'mail'>(options: RateLimitOptions<S>): Filter;
export function rateLimit(options: RateLimitOptions<Stage>): Filter {
  checkOptions('rateLimit()', options, RULES);
  const { key, limit, window, counters = memoryCounters() } = options;
  const stage = stageOf(options);
  const decision = options.decision ?? tempfail({ code: 450, enhanced: '4.7.1', text: TEXT });
  checkDecision(decision, stage);
  const network = withDefaults(ONE_MACHINE, options.network);
  const { name = `${stage} ${typeof key === 'string' ? key : 'key'}` } = options;
  const outage = new Outage(options);

  const decide = (keyOf: (event: StageEvent) => string | undefined): Filter => {
    const ask = (event: StageEvent): unknown => {
      const given = checkKey('rateLimit()', keyOf(event));
      if (given === undefined || (event.stage === 'rcpt' && event.rejected !== undefined)) return undefined;
      return outage.ask(
        event,
        // As JSON, since a key that a stranger writes may look like a part of a name.
        () => counters.hit(JSON.stringify([name, given]), window, limit),
        (count) => (count > limit ? decision : undefined),
      );
    };
    // The decision was checked for the stage above.
    return on(stage, ask as Parameters<typeof on<Stage>>[1]);
  };

  if (typeof key === 'function') return decide(key);
  const subject = RATE_SUBJECTS[key];
  const keyOf = (event: MilterEvent): string | undefined => subject.key(event, network);
  const { within } = subject;
  if (within === undefined || within.includes(stage)) return decide(keyOf);
  return perMessage(() => {
    let found: string | undefined;
    return compose(
      observe(within[0], (event) => void (found ??= keyOf(event))),
      decide(() => found),
    );
  });
}

function stageOf({ key, stage }: RateLimitOptions<Stage>): Stage {
  if (typeof key === 'function') return stage ?? 'mail';
  const { stages } = RATE_SUBJECTS[key];
  const [usual = 'mail'] = stages;
  if (stage === undefined || stages.includes(stage)) return stage ?? usual;
  throw new TypeError(
    `rateLimit(): the key ${key} cannot be counted at stage ${stage}. Use ${stages.join(', ')}, or a function as key.`,
  );
}
