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
  /** How much of a pause is left to chance, from 0 (always the longest) to 1 (anything up to that). Default 1. */
  readonly jitter?: number | undefined;
  /** Whether an error, of a try (from 1), is worth another one. Default: all are. */
  readonly retryOn?: ((error: unknown, attempt: number) => boolean) | undefined;
  /** Whether a value begins the counting anew. Default false. */
  readonly resetOnSuccess?: boolean | undefined;
  /** The clock. Default: RxJS's `asyncScheduler`. */
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
 * @remarks After the last try the error goes on. The source has to begin anew when it is subscribed to: `defer(() =>
 *   fetch(…))`, and not `from(fetch(…))`. Within a filter keep all pauses together below the timeout of its event.
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
