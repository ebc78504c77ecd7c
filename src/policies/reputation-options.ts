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
} from '../common/options.js';
import { ignoreRejection } from '../common/promises.js';
import { textOf } from '../common/text-of.js';
import { type SessionInfo, authenticatedUser } from '../session/session-info.js';
import {
  type Decision,
  type DecisionAt,
  checkDecision,
  ownDecision,
  tempfail,
} from '../session/decisions.js';
import { decisionOf } from '../session/options.js';
import type { Outcome } from '../session/outcome.js';
import { AWAY_RULES, type AwayOptions } from './away.js';
import { NETWORK_RULES, type NetworkSize, networkOf } from './client-network.js';
import { memoryScores } from './memory-scores.js';
import type { Scores } from './scores.js';

/** Where a reputation can be asked for. */
export type ReputationStage = 'connect' | 'helo' | 'mail';

/** How `reputation()` is set up. */
export interface ReputationOptions<S extends ReputationStage> extends AwayOptions {
  /** Who has more points than this is refused. */
  readonly threshold: number;
  /** After how long half of the points are gone, in milliseconds. */
  readonly halfLife: number;
  /**
   * How bad an outcome is for the reputation of its client: 0 or `undefined` where it is not. Default 1 where something
   * was rejected, otherwise 0.
   */
  readonly points?: ((outcome: Outcome) => number | undefined) | undefined;
  /**
   * Whose reputation it is. Default the network of the client; nobody's where the client is not known, and where
   * somebody has logged in (`authenticatedUser()`). A function gives `undefined` for nobody.
   */
  readonly key?: ((session: SessionInfo) => string | undefined) | undefined;
  /** How large the client's network is; see `clientNetwork()`. Default 32 bits of IPv4, 64 of IPv6. */
  readonly network?: NetworkSize | undefined;
  /** Where it is asked for. Default `mail`, where it is known who has logged in. */
  readonly stage?: S | undefined;
  /** What those above the threshold get. Default a `tempfail()` with `450 4.7.1`. */
  readonly decision?: DecisionAt<NoInfer<S>> | undefined;
  /** Who keeps the points. Default `memoryScores()`, of this filter alone and in this process only. */
  readonly scores?: Scores | undefined;
}

/** The same, complete and checked. */
export interface ResolvedReputation {
  readonly stage: ReputationStage;
  readonly scores: Scores;
  readonly decision: Decision;
  readonly keyOf: (session: SessionInfo) => string | undefined;
  readonly pointsOf: (outcome: Outcome) => number;
}

const POINTS = number(0);

const RULES: Rules<ReputationOptions<ReputationStage>> = {
  ...AWAY_RULES,
  threshold: required(number(0)),
  halfLife: required(number(1, Infinity, 'milliseconds')),
  points: func,
  key: func,
  network: object(NETWORK_RULES),
  // They come before there is a message.
  stage: oneOf('connect', 'helo', 'mail'),
  decision: decisionOf('tempfail', 'reject', 'accept', 'proceed', 'discard'),
  scores: having(
    'scores with functions add and of, such as memoryScores() or redisScores(client)',
    'add',
    'of',
  ),
};

/** Fills in the defaults, and throws where an option cannot be meant. */
export function resolveReputation(options: ReputationOptions<ReputationStage>): ResolvedReputation {
  checkOptions('reputation()', options, RULES);
  const { stage = 'mail', network = { ipv4: 32, ipv6: 64 }, scores = memoryScores() } = options;
  const { key = (session: SessionInfo) => strangerOf(session, network), points = defaultPoints } = options;
  const decision = options.decision ?? tempfail({ code: 450, enhanced: '4.7.1', text: TEXT });
  return {
    stage,
    scores,
    // One of its own, to be known again among the outcomes.
    decision: ownDecision(checkDecision(decision, stage)),
    keyOf(session) {
      const of = key(session);
      if (of === undefined || typeof of === 'string') return of;
      ignoreRejection(of);
      throw new TypeError(`reputation(): key gave ${textOf(of)}. Give a string, or undefined.`);
    },
    pointsOf(outcome) {
      const given = points(outcome) ?? 0;
      if (POINTS.check(given) !== 'right') {
        throw new RangeError(`reputation(): points gave ${shown(given)}; it has to give ${POINTS.expected}.`);
      }
      return given;
    },
  };
}

const TEXT = 'Too much was refused lately, please try again later';

function defaultPoints({ decision }: Outcome): number {
  return decision?.kind === 'reject' ? 1 : 0;
}

function strangerOf(session: SessionInfo, network: NetworkSize): string | undefined {
  if (session.client.address === '' || authenticatedUser(session) !== undefined) return undefined;
  return networkOf(session.client, network);
}
