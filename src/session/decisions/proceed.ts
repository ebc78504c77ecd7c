import { made } from '../answer-watch.js';
import type { Proceed } from '../decision.js';

const PROCEED: Proceed = Object.freeze({ kind: 'proceed' });

/**
 * Lets the event pass, and no later filter decide it: the protocol's CONTINUE.
 *
 * To let it pass and leave later filters their say, return nothing.
 *
 * @example on('rcpt', (rcpt) => (rcpt.address.startsWith('postmaster@') ? proceed() : undefined))
 */
export function proceed(): Proceed {
  return made(PROCEED, proceed);
}
