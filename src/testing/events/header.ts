import { checkOptions } from '../../common/options.js';
import type { Header } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { HEADER_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * A header field.
 *
 * @param value what follows the colon and one blank; between folded lines a single line feed
 * @example header('Subject', 'Lunch?')
 */
export function header(name = 'Subject', value = 'hello', fields: EventFields<Header> = {}): Header {
  checkOptions('header()', fields, HEADER_FIELDS, 'field');
  return { stage: 'header', session: session(), name, value, raw: Buffer.from(value), ...fields };
}
