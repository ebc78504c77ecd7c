import { quote } from '../../common/printable.js';
import { AnswerError } from '../answer-error.js';
import { made } from '../answer-watch.js';
import { checkHeaderName, headerValue } from '../check-text.js';
import type { HeaderPosition, InsertHeader, Text } from '../modification.js';

/**
 * Inserts a header (libmilter's `smfi_insheader`); needs the right `ADDHDRS`.
 *
 * @param position `'top'`: above everything, the MTA's own Received line included; `'bottom'`: below everything; `n`:
 *   before the n-th header (from 1) that the filter was shown. In Sendmail places from 2 on are right for the headers
 *   that its standard configuration defines; for others see the option `sendmailHeaders`.
 * @throws AnswerError as `addHeader` does, and where the position is none
 * @example on('eom', () => insertHeader('top', 'Authentication-Results', 'mx.example.org; none'))
 */
export function insertHeader(position: HeaderPosition, name: string, value: Text): InsertHeader {
  checkPosition(position);
  checkHeaderName('insertHeader', name);
  return made(
    { kind: 'insertHeader', position, name, value: headerValue(`insertHeader ${name}`, value) },
    insertHeader,
  );
}

function checkPosition(position: unknown): void {
  if (position === 'top' || position === 'bottom') return;
  if (typeof position === 'number' && Number.isInteger(position) && position >= 1 && position < 0x7fffffff)
    return;
  throw new AnswerError(
    `insertHeader: the position ${quote(position)} is none. Use 'top', 'bottom' or a whole number from 1.`,
  );
}
