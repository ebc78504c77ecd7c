import { checkOptions } from '../../common/options.js';
import type { Abort } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { anyEvent } from '../field-rules.js';
import { session } from '../session.js';

/**
 * The message in progress is over without an end.
 *
 * @example abort()
 */
export function abort(fields: EventFields<Abort> = {}): Abort {
  checkOptions('abort()', fields, anyEvent('abort'), 'field');
  return { stage: 'abort', session: session(), ...fields };
}
