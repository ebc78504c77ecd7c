import type { Data } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { session } from '../session.js';

/**
 * The DATA command.
 *
 * @example data()
 */
export function data(fields: EventFields<Data> = {}): Data {
  return { stage: 'data', session: session(), ...fields };
}
