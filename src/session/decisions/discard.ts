import { made } from '../answer-watch.js';
import type { Discard } from '../decision.js';

const DISCARD: Discard = Object.freeze({ kind: 'discard' });

/**
 * Makes the message disappear while its client sees success (libmilter's `SMFIS_DISCARD`).
 *
 * From `mail` to `eom`; at `rcpt` it holds for the whole message. Before that there is no message, and it does not
 * compile.
 *
 * @example on('mail', (mail) => (sameAddress(mail.address, 'spam@example.com') ? discard() : undefined))
 */
export function discard(): Discard {
  return made(DISCARD, discard);
}
