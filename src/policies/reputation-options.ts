import { textOf } from '../common/text-of.js';
import { ignoreRejection } from '../common/promises.js';
import { checkNumber } from '../lookups/check-options.js';
import { authenticatedUser } from '../session/authenticated-user.js';
import { checkDecision } from '../session/check-answer.js';
import type { Decision, DecisionAt } from '../session/decision.js';
import { tempfail } from '../session/decisions/tempfail.js';
import type { Outcome } from '../session/outcome.js';
import type { SessionInfo } from '../session/session-info.js';
import type { AwayOptions } from './away.js';
import { clientNetwork, type NetworkSize } from './client-network.js';
import { memoryScores } from './memory-scores.js';
import type { Scores } from './scores.js';

/** Where a reputation can be asked for. */
export type ReputationStage = 'connect' | 'helo' | 'mail';

const STAGES: readonly string[] = ['connect', 'helo', 'mail'];

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

/** Fills in the defaults, and throws where an option cannot be meant. */
export function resolveReputation(options: ReputationOptions<ReputationStage>): ResolvedReputation {
  checkNumber('reputation(): threshold', options.threshold, 0);
  checkNumber('reputation(): halfLife', options.halfLife, 1);
  const { stage = 'mail', network = { ipv4: 32, ipv6: 64 }, scores = memoryScores() } = options;
  if (!STAGES.includes(stage)) {
    throw new TypeError(
      `reputation(): stage is ${JSON.stringify(stage)}. Use one of ${STAGES.join(', ')}, which come before there is a message.`,
    );
  }
  const given = scores as Partial<Scores> | null;
  if (typeof given?.add !== 'function' || typeof given.of !== 'function') {
    throw new TypeError(
      'reputation(): scores has no functions add and of. Use memoryScores() or redisScores(client).',
    );
  }
  // A size that is out of range is found now and not with the first mail.
  clientNetwork({ address: '', family: 'unknown' }, network);
  const key = checkFunction('key', options.key) ?? ((session) => strangerOf(session, network));
  const points = checkFunction('points', options.points) ?? defaultPoints;
  const decision = options.decision ?? tempfail({ code: 450, enhanced: '4.7.1', text: TEXT });
  checkDecision(decision, stage);
  return {
    stage,
    scores,
    // One of its own, to be known again among the outcomes.
    decision: Object.freeze({ ...decision }),
    keyOf(session) {
      const of = key(session);
      if (of === undefined || typeof of === 'string') return of;
      ignoreRejection(of);
      throw new TypeError(`reputation(): key gave ${textOf(of)}. Give a string, or undefined.`);
    },
    pointsOf(outcome) {
      const given = points(outcome) ?? 0;
      checkNumber('reputation(): what points gave', given, 0);
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
  return clientNetwork(session.client, network);
}

function checkFunction<F>(name: string, given: F | undefined): F | undefined {
  if (given === undefined || typeof given === 'function') return given;
  throw new TypeError(`reputation(): ${name} has to be a function.`);
}
