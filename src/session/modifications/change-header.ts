import { made } from '../answer-watch.js';
import { checkHeaderIndex, checkHeaderName, headerValue } from '../check-text.js';
import type { ChangeHeader, Text } from '../modification.js';

/**
 * Changes a header (libmilter's `smfi_chgheader`); needs the right `CHGHDRS`.
 *
 * @param value the new value; an empty one deletes the header, as the protocol has it
 * @param index which of the headers of that name, from 1, as the filter was shown them; where there are fewer, the
 *   header is added
 * @throws AnswerError as `addHeader` does, and where the index is none
 * @example on('eom', () => changeHeader('Subject', '[EXTERNAL] hello'))
 */
export function changeHeader(name: string, value: Text, index = 1): ChangeHeader {
  checkHeaderName('changeHeader', name);
  checkHeaderIndex('changeHeader', index);
  return made(
    { kind: 'changeHeader', name, index, value: headerValue(`changeHeader ${name}`, value) },
    changeHeader,
  );
}
