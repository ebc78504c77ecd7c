import { type Rules, func, or } from '../common/options.js';
import { type Tempfail, tempfail } from '../session/decisions.js';
import { type Failure, failureRule } from '../session/options.js';

/**
 * What becomes of mail while a store cannot be asked: `'pass'`, as if the policy were not there; `'tempfail'`, put off
 * with a 451; or a decision of your own.
 */
export type Away = 'pass' | 'tempfail' | Failure;

/** What the policies that ask a store have in common. */
export interface AwayOptions {
  /** Default `'tempfail'`: mail is delayed then, and nothing gets past the policy. */
  readonly away?: Away | undefined;
  /**
   * Gets the error when the store cannot be asked any more, once until it can be asked again. Default: the server's
   * `onError` and `outcomes` get it, as they get an error in a filter, with the event that was the first to meet it.
   */
  readonly onAway?: ((error: Error) => void) | undefined;
  /** Called when the store can be asked again. Default: nobody is. */
  readonly onBack?: (() => void) | undefined;
}

/** RFC 3463: something in the mail system is wrong, and it is not the sender's fault. */
const LATER: Tempfail = Object.freeze(
  tempfail({ code: 451, enhanced: '4.3.0', text: 'Temporarily out of order, please try again later' }),
);

/** What each of them has to be. */
export const AWAY_RULES: Rules<AwayOptions> = {
  away: or(failureRule, 'pass', 'tempfail'),
  onAway: func,
  onBack: func,
};

/** The decision that is meant; `undefined` where mail is to pass. */
export function awayDecision(away: Away = 'tempfail'): Failure | undefined {
  if (away === 'pass') return undefined;
  if (away === 'tempfail') return LATER;
  return away;
}
