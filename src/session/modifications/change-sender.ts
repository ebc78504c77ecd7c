import { made } from '../answer-watch.js';
import { checkAddress, checkArguments } from '../check-text.js';
import type { ChangeSender, Text } from '../modification.js';

/**
 * Changes the envelope sender (libmilter's `smfi_chgfrom`); needs the right `CHGFROM`.
 *
 * @param address with or without angle brackets; `''` is the null sender
 * @param args ESMTP arguments, each as a string of its own (`RET=HDRS`)
 * @throws AnswerError where the address holds blanks or control characters, or an argument does
 * @example on('eom', () => changeSender('bounces@example.org'))
 */
export function changeSender(address: Text, args: readonly string[] = []): ChangeSender {
  const checked = checkArguments('changeSender', args);
  return made(
    { kind: 'changeSender', address: checkAddress('changeSender', address, true), args: checked },
    changeSender,
  );
}
