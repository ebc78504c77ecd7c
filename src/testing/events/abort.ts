import type { Abort } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { session } from '../session.js';

/**
 * The message in progress is over without an end.
 *
 * @example abort()
 */
export function abort(fields: EventFields<Abort> = {}): Abort {
  return { stage: 'abort', session: session(), ...fields };
}
