import { checkOptions } from '../../common/options.js';
import type { Close } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { anyEvent } from '../field-rules.js';
import { session } from '../session.js';

/**
 * The SMTP connection is over.
 *
 * @example close()
 */
export function close(fields: EventFields<Close> = {}): Close {
  checkOptions('close()', fields, anyEvent('close'), 'field');
  return { stage: 'close', session: session(), ...fields };
}
