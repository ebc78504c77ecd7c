import { made } from '../answer-watch.js';
import { checkHeaderName, headerValue } from '../check-text.js';
import type { AddHeader, Text } from '../modification.js';

/**
 * Adds a header at the end of the headers (libmilter's `smfi_addheader`); needs the right `ADDHDRS`.
 *
 * The MTA writes a blank between colon and value, but under the option `leadingSpace`. Under a name that Sendmail makes
 * up where it is missing (Date, From, Message-Id …) it takes the place of what Sendmail would make.
 *
 * @param value text (written as UTF-8) or bytes; folded lines have a line feed and then a blank or tab
 * @throws AnswerError where the name is no header name, or the value could break out of its header
 * @example on('eom', () => addHeader('X-Scanned', 'yes'))
 */
export function addHeader(name: string, value: Text): AddHeader {
  checkHeaderName('addHeader', name);
  return made({ kind: 'addHeader', name, value: headerValue(`addHeader ${name}`, value) }, addHeader);
}
