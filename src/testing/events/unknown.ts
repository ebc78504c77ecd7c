import { checkOptions } from '../../common/options.js';
import type { Unknown } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { UNKNOWN_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * An SMTP command that the MTA does not know.
 *
 * @example unknown('XYZZY')
 */
export function unknown(command = 'XYZZY', fields: EventFields<Unknown> = {}): Unknown {
  checkOptions('unknown()', fields, UNKNOWN_FIELDS, 'field');
  return { stage: 'unknown', session: session(), command, raw: Buffer.from(command), ...fields };
}
