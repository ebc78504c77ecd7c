import { checkOptions } from '../../common/options.js';
import type { Data } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { anyEvent } from '../field-rules.js';
import { session } from '../session.js';

/**
 * The DATA command.
 *
 * @example data()
 */
export function data(fields: EventFields<Data> = {}): Data {
  checkOptions('data()', fields, anyEvent('data'), 'field');
  return { stage: 'data', session: session(), ...fields };
}
