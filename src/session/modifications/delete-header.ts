import { made } from '../answer-watch.js';
import { checkHeaderIndex, checkHeaderName } from '../check-text.js';
import type { DeleteHeader } from '../modification.js';

/**
 * Deletes a header (libmilter's `smfi_chgheader` with no value); needs the right `CHGHDRS`.
 *
 * Several of one name may be deleted in any order: each index counts the headers as the filter was shown them.
 *
 * @param index which of the headers of that name, from 1; where there are fewer, nothing happens
 * @throws AnswerError where the name is no header name or the index none
 * @example on('eom', () => [deleteHeader('X-Spam', 1), deleteHeader('X-Spam', 2)])
 */
export function deleteHeader(name: string, index = 1): DeleteHeader {
  checkHeaderName('deleteHeader', name);
  checkHeaderIndex('deleteHeader', index);
  return made({ kind: 'deleteHeader', name, index }, deleteHeader);
}
