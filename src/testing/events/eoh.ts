import { checkOptions } from '../../common/options.js';
import type { Eoh } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { anyEvent } from '../field-rules.js';
import { session } from '../session.js';

/**
 * The end of the headers.
 *
 * @example eoh()
 */
export function eoh(fields: EventFields<Eoh> = {}): Eoh {
  checkOptions('eoh()', fields, anyEvent('eoh'), 'field');
  return { stage: 'eoh', session: session(), ...fields };
}
