import { made } from '../answer-watch.js';
import { checkLineText } from '../check-text.js';
import type { Quarantine, Text } from '../modification.js';

/**
 * Has the MTA hold the message (libmilter's `smfi_quarantine`); needs the right `QUARANTINE`. The client sees success.
 *
 * @param reason one line; Postfix keeps its first 100 bytes
 * @throws AnswerError where the reason is empty or holds CR, LF or NUL
 * @example on('eom', () => quarantine('looks like a virus'))
 */
export function quarantine(reason: Text): Quarantine {
  checkLineText('quarantine', reason);
  return made({ kind: 'quarantine', reason }, quarantine);
}
