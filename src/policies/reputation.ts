import {
  type Rules,
  checkOptions,
  func,
  having,
  number,
  object,
  oneOf,
  required,
  shown,
  withDefaults,
} from '../common/options.js';
import { isPromise } from '../common/promises.js';
import type { Filter } from '../operators/core/filter.js';
import { on } from '../operators/on.js';
import {
  type Decision,
  type DecisionAt,
  checkDecision,
  ownDecision,
  tempfail,
} from '../session/decisions.js';
import type { StageEvent } from '../session/flow.js';
import { decisionOf } from '../session/options.js';
import type { MessageOutcome } from '../session/outcome.js';
import type { SessionInfo } from '../session/session-info.js';
import { NETWORK_RULES, type NetworkSize, ONE_MACHINE, clientNetwork } from './client-network.js';
import { checkKey } from './keys.js';
import { memoryScores } from './memory-stores.js';
import { AWAY_RULES, type AwayOptions, Outage } from './outage.js';
import { type Awaitable, POINTS, type Scores, StoreError } from './stores.js';

/** A stage at which a reputation can be decided: before there is a message. */
export type ReputationStage = 'connect' | 'helo' | 'mail';

/** How `reputation()` is set up. */
export interface ReputationOptions<S extends ReputationStage> extends AwayOptions {
  /** Clients with more points than this are refused. */
  readonly threshold: number;
  /** The time in which points decay by half, in milliseconds. */
  readonly halfLife: number;
  /** How many points a message costs its client. Default 1 for each refused recipient, 1 for another refusal. */
  readonly points?: ((message: MessageOutcome) => number | undefined) | undefined;
  /**
   * The key, from what a session and its messages have in common, or none. Default the client's network, and none for
   * users who have logged in.
   */
  readonly key?:
    ((known: Pick<SessionInfo, 'client' | 'helo' | 'auth' | 'tls'>) => string | undefined) | undefined;
  /** The size of the client's network; see `clientNetwork()`. Default 32 bits of IPv4, 64 of IPv6. */
  readonly network?: NetworkSize | undefined;
  /** The stage that is decided. Default `mail`, where it is known whether a user has logged in. */
  readonly stage?: S | undefined;
  /** The decision about clients above the threshold. Default a `tempfail()` with `450 4.7.1`. */
  readonly decision?: DecisionAt<NoInfer<S>> | undefined;
  /** The store. Default `memoryScores()`, for this filter alone and in this process only. */
  readonly scores?: Scores | undefined;
}

/** A filter that refuses clients with a bad reputation, and the function that feeds it. */
export interface Reputation extends Filter {
  /** Adds the points of a message: `server.messages.subscribe(known.penalise)`. It waits for nothing, and never throws. */
  readonly penalise: (message: MessageOutcome) => void;
}

const RULES: Rules<ReputationOptions<ReputationStage>> = {
  ...AWAY_RULES,
  threshold: required(number(0)),
  halfLife: required(number(1, Infinity, 'milliseconds')),
  points: func,
  key: func,
  network: object(NETWORK_RULES),
  stage: oneOf('connect', 'helo', 'mail'),
  decision: decisionOf('tempfail', 'reject', 'accept', 'allow', 'discard'),
  scores: having(
    'scores with functions add and of, such as memoryScores() or redisScores(client)',
    'add',
    'of',
  ),
};

const TEXT = 'Too much was refused lately, please try again later';

/** The most additions in flight: a store that does not settle them keeps no more than these. */
const MOST_PENDING = 1_000;

/**
 * Refuses clients of which much was refused lately, on all connections; their points decay with time.
 *
 * @remarks Each message that `penalise` gets has points: by default one for each recipient that was refused, and one for
 *   a message that was refused at another stage. Half of them are gone after each half-life. Refusals of the filter
 *   itself cost none. A session that was refused at `connect` or `helo` is no message, and costs none either. Points that
 *   cannot be added are lost, which is reported once for each outage, as are errors of `points` and `key` there, with the
 *   next event.
 * @throws RangeError where a number is out of range, TypeError where another option is wrong, AnswerError where the
 *   decision is not legal at the stage
 * @example
 * const known = reputation({ threshold: 20, halfLife: 3_600_000 });
 * const server = await serve(compose(known, filter), { listen: 'inet:8891@127.0.0.1' });
 * server.messages.subscribe(known.penalise);
 */
export function reputation<const S extends ReputationStage = 'mail'>(
  options: ReputationOptions<S>,
): Reputation;
export function reputation(options: ReputationOptions<ReputationStage>): Reputation {
  checkOptions('reputation()', options, RULES);
  const { threshold, halfLife, stage = 'mail', scores = memoryScores(), points = refusalsIn } = options;
  const network = withDefaults(ONE_MACHINE, options.network);
  const { key = (known: Stranger) => strangerOf(known, network) } = options;
  const given = options.decision ?? tempfail({ code: 450, enhanced: '4.7.1', text: TEXT });
  // A copy, by which messages that this filter has refused are recognised.
  const decision: Decision = ownDecision(checkDecision(given, stage));
  // The macros of a message are gone when it is over: its session has no login then, and the message has.
  const keyOf = (known: SessionInfo | MessageOutcome): string | undefined =>
    checkKey('reputation()', key(known));

  // A store may be readable and not writable: each of the two has an outage of its own.
  const reading = new Outage(options);
  const writing = new Outage(options);
  let pending = 0;
  /** Until all in flight are settled: otherwise each that is would end an outage, and the next begin one. */
  let full = false;

  const ask = (event: StageEvent): Awaitable<Decision | undefined> => {
    writing.reportLate(event);
    const name = keyOf(event.session);
    if (name === undefined) return undefined;
    return reading.ask(
      event,
      () => scores.of(name, halfLife),
      (score) => (score > threshold ? decision : undefined),
    );
  };

  const add = (name: string, more: number): unknown => {
    full = pending >= MOST_PENDING || (full && pending > 0);
    if (full) {
      throw new StoreError(`reputation(): the scores have ${pending} additions to settle, and get no more.`);
    }
    const added = scores.add(name, more, halfLife);
    if (!isPromise(added)) return added;
    pending++;
    return Promise.resolve(added).finally(() => pending--);
  };

  // The decision was checked for the stage above.
  const filter = on(stage, ask as Parameters<typeof on<ReputationStage>>[1]);
  return Object.assign(filter, {
    penalise(this: void, message: MessageOutcome) {
      if (message.decision === decision) return;
      try {
        const more = points(message) ?? 0;
        if (POINTS.check(more) !== 'right') {
          throw new RangeError(
            `reputation(): points gave ${shown(more)}; it has to give ${POINTS.expected}.`,
          );
        }
        const name = more > 0 ? keyOf(message) : undefined;
        if (name !== undefined) writing.note(() => add(name, more));
      } catch (error) {
        writing.note(() => {
          throw error;
        });
      }
    },
  });
}

/** A message that ends with its last recipient refused has that counted already. */
function refusalsIn({ recipients, result, stage }: MessageOutcome): number {
  const refused = recipients.filter((each) => each.result === 'refused').length;
  return result === 'refused' && stage !== 'rcpt' ? refused + 1 : refused;
}

type Stranger = Pick<SessionInfo, 'client' | 'auth'>;

function strangerOf({ client, auth }: Stranger, network: NetworkSize): string | undefined {
  return client.address === '' || auth !== undefined ? undefined : clientNetwork(client, network);
}
