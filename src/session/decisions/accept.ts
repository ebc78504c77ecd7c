import { made } from '../answer-watch.js';
import type { Accept } from '../decision.js';

const ACCEPT: Accept = Object.freeze({ kind: 'accept' });

/**
 * Accepts the message, and asks nobody about the rest of it (libmilter's `SMFIS_ACCEPT`).
 *
 * At `connect` and `helo` it holds for the whole SMTP connection; at `rcpt` for the whole message, not for that
 * recipient alone. Modifications that come with it at `eom` are made.
 *
 * @example on('connect', ({ address }) => (address === '127.0.0.1' ? accept() : undefined))
 */
export function accept(): Accept {
  return made(ACCEPT, accept);
}
