import type { Close } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { session } from '../session.js';

/**
 * The SMTP connection is over.
 *
 * @example close()
 */
export function close(fields: EventFields<Close> = {}): Close {
  return { stage: 'close', session: session(), ...fields };
}
