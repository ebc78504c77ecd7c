import { made } from '../answer-watch.js';
import type { Skip } from '../decision.js';

const SKIP: Skip = Object.freeze({ kind: 'skip' });

/**
 * Says that enough of the body was seen; `eom` comes next (libmilter's `SMFIS_SKIP`).
 *
 * Only at `body`. Where the MTA does not know it, the rest of the body is still sent, but reaches no filter.
 *
 * @example on('body', ({ chunk }) => (seen(chunk) > 4096 ? skip() : undefined))
 */
export function skip(): Skip {
  return made(SKIP, skip);
}
