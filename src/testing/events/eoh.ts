import type { Eoh } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { session } from '../session.js';

/**
 * The end of the headers.
 *
 * @example eoh()
 */
export function eoh(fields: EventFields<Eoh> = {}): Eoh {
  return { stage: 'eoh', session: session(), ...fields };
}
