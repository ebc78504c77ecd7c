import { made } from '../answer-watch.js';
import { checkAddress } from '../check-text.js';
import type { DeleteRecipient, Text } from '../modification.js';

/**
 * Deletes a recipient (libmilter's `smfi_delrcpt`); needs the right `DELRCPT`.
 *
 * @param address best the `raw` of its `rcpt` event: MTAs compare what was given at RCPT. Where it is no recipient,
 *   nothing happens.
 * @throws AnswerError where the address is empty or holds blanks or control characters
 * @example on('eom', () => deleteRecipient('old@example.org'))
 */
export function deleteRecipient(address: Text): DeleteRecipient {
  return made(
    { kind: 'deleteRecipient', address: checkAddress('deleteRecipient', address, false) },
    deleteRecipient,
  );
}
