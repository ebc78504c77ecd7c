import { isPromise } from '../common/promises.js';
import type { Filter } from '../operators/core/filter.js';
import { on } from '../operators/on.js';
import type { Decision } from '../session/decisions.js';
import type { StageEvent } from '../session/flow.js';
import type { Outcome } from '../session/outcome.js';
import type { Awaitable } from './awaitable.js';
import { Outage } from './outage.js';
import { resolveReputation, type ReputationOptions, type ReputationStage } from './reputation-options.js';
import { StoreError } from './store-error.js';

/** A filter that refuses who has a bad reputation, and what that reputation comes from. */
export interface Reputation extends Filter {
  /**
   * Adds the points of an outcome to the score of its client. Subscribe it to the outcomes of the server, without which
   * nobody has a reputation. It waits for nothing and throws nothing; what the filter refused itself costs no points.
   *
   * @example server.outcomes.subscribe(known.penalise);
   */
  readonly penalise: (outcome: Outcome) => void;
}

/** How many additions may be under way: a store that does not settle them holds no more than these. */
const MOST_PENDING = 1_000;

/**
 * Refuses clients of which much was refused lately, on all connections: each outcome has points, and half of the points
 * are gone after each half-life. So who stops gets in again by itself.
 *
 * While the scores cannot be asked, `away` says what becomes of mail. Points that cannot be added are lost. Both are
 * reported once for each outage, also what `points` or `key` throw there: to `onAway`, or else to the server's `onError`
 * and `outcomes` with the next event. A client that goes away while the scores are asked leaves nothing behind.
 *
 * @throws RangeError where a number is out of range
 * @throws TypeError where another option is not what it should be
 * @throws AnswerError where the decision is not legal at the stage
 * @example
 * const known = reputation({ threshold: 20, halfLife: 3_600_000 });
 * const server = await serve(compose(known, filter), { listen: 'inet:8891@127.0.0.1' });
 * server.outcomes.subscribe(known.penalise);
 */
export function reputation<const S extends ReputationStage = 'mail'>(
  options: ReputationOptions<S>,
): Reputation;
export function reputation(options: ReputationOptions<ReputationStage>): Reputation {
  const { stage, scores, decision, keyOf, pointsOf } = resolveReputation(options);
  const { threshold, halfLife } = options;
  // A store may be there to be read, and not to be written: each of the two has an outage of its own.
  const asking = new Outage(options);
  const noting = new Outage(options);
  let pending = 0;
  /** Until all that are under way are settled: otherwise each that is would end an outage, and the next begin one. */
  let full = false;

  const ask = (event: StageEvent): Awaitable<Decision | undefined> => {
    noting.tellLate(event);
    const key = keyOf(event.session);
    if (key === undefined) return undefined;
    return asking.ask(
      event,
      () => scores.of(key, halfLife),
      (points) => (points > threshold ? decision : undefined),
    );
  };

  const add = (key: string, points: number): unknown => {
    full = pending >= MOST_PENDING || (full && pending > 0);
    if (full) {
      throw new StoreError(`reputation(): the scores have ${pending} additions to settle, and get no more.`);
    }
    const added = scores.add(key, points, halfLife);
    if (!isPromise(added)) return added;
    pending++;
    return Promise.resolve(added).finally(() => {
      pending--;
    });
  };

  // That the decision is legal at the stage was seen above.
  const filter = on(stage, ask as Parameters<typeof on<ReputationStage>>[1]);
  return Object.assign(filter, {
    penalise(this: void, outcome: Outcome) {
      if (outcome.decision === decision) return;
      try {
        const points = pointsOf(outcome);
        const key = points > 0 ? keyOf(outcome.session) : undefined;
        if (key !== undefined) noting.note(() => add(key, points));
      } catch (error) {
        noting.failed(error);
      }
    },
  });
}
