import { made } from '../answer-watch.js';
import { checkAddress, checkArguments } from '../check-text.js';
import type { AddRecipient, Text } from '../modification.js';

/**
 * Adds a recipient (libmilter's `smfi_addrcpt`, with arguments `smfi_addrcpt_par`); needs the right `ADDRCPT`, with
 * arguments `ADDRCPT_PAR`.
 *
 * The MTA does not say whether it could; the new recipient makes no `rcpt` event.
 *
 * @param address with or without angle brackets
 * @param args ESMTP arguments, each as a string of its own
 * @throws AnswerError where the address is empty or holds blanks or control characters, or an argument does
 * @example on('eom', () => addRecipient('archive@example.org', ['NOTIFY=NEVER']))
 */
export function addRecipient(address: Text, args: readonly string[] = []): AddRecipient {
  const checked = checkArguments('addRecipient', args);
  return made(
    { kind: 'addRecipient', address: checkAddress('addRecipient', address, false), args: checked },
    addRecipient,
  );
}
