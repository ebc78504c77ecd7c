import { throwError, timer, type RetryConfig, type SchedulerLike } from 'rxjs';

import {
  boolean,
  checkOptions,
  func,
  milliseconds,
  number,
  or,
  scheduler as schedulerRule,
  whole,
  type Rules,
} from '../common/options.js';

/** How often, and after what time, something is tried again; everything has a default. */
export interface BackoffOptions {
  /** Tries in all, the first included; `Infinity` for no end. Default 3. */
  readonly attempts?: number | undefined;
  /** The longest pause before the second try, in milliseconds. Default 100. */
  readonly initial?: number | undefined;
  /** The factor by which it grows from try to try. Default 2. */
  readonly factor?: number | undefined;
  /** The longest pause of all, in milliseconds. Default 10 000. */
  readonly max?: number | undefined;
  /**
   * How much of a pause is left to chance, from 0 to 1: with 1 it is anything from none to the longest, with 0 always the
   * longest. Default 1, so that many who failed at the same time do not come back at the same time.
   */
  readonly jitter?: number | undefined;
  /**
   * Whether an error is worth another try, and at which try (from 1) it occurred. Default: all are. An error for which
   * it is not, or what this throws itself, is the end.
   */
  readonly retryOn?: ((error: unknown, attempt: number) => boolean) | undefined;
  /** Whether a value begins the counting anew: for streams that are to last. Default false. */
  readonly resetOnSuccess?: boolean | undefined;
  /** The clock. Default: RxJS's `asyncScheduler`, which is virtual in a drawing. */
  readonly scheduler?: SchedulerLike | undefined;
  /** Chance, from 0 to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const RULES: Rules<BackoffOptions> = {
  attempts: or(whole(1), Infinity),
  initial: number(0, Infinity, 'milliseconds'),
  factor: number(1),
  max: milliseconds(0),
  jitter: number(0, 1),
  retryOn: func,
  resetOnSuccess: boolean,
  scheduler: schedulerRule,
  random: func,
};

/**
 * Tells RxJS's `retry()` to try again after random pauses that grow.
 *
 * @remarks The pauses are cancelled by unsubscription, and so at the timeout of an event: 8 seconds by default within the
 *   project of a filter, so keep all pauses together below that. After the last try the error goes on. The source has to
 *   begin anew when it is subscribed to: `defer(() => fetch(…))`, and not `from(fetch(…))`, which is one promise.
 * @throws TypeError or RangeError where an option is wrong
 * @example defer(() => mailboxExists(address)).pipe(retry(backoff({ attempts: 3, initial: 50 })))
 * @example changes$.pipe(retry(backoff({ attempts: Infinity, max: 30_000, resetOnSuccess: true })))
 */
export function backoff(options: BackoffOptions = {}): RetryConfig {
  checkOptions('backoff()', options, RULES);
  const { attempts = 3, initial = 100, factor = 2, max = 10_000, jitter = 1, random = Math.random } = options;
  const { retryOn, resetOnSuccess = false, scheduler } = options;
  return {
    count: attempts - 1,
    resetOnSuccess,
    delay: (error: unknown, attempt: number) => {
      if (retryOn !== undefined && !retryOn(error, attempt)) return throwError(() => error);
      // From some hundred tries on the power is infinite; infinitely often nothing would be no number.
      const longest = initial === 0 ? 0 : Math.min(max, initial * factor ** (attempt - 1));
      return timer(longest * (1 - jitter * random()), scheduler);
    },
  };
}
