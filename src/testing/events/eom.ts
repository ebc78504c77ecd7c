import { checkOptions } from '../../common/options.js';
import type { Eom } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { EOM_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * The end of the message, with nothing that earlier filters would change unless that is given.
 *
 * @example eom({ modifications: [addHeader('X-Earlier', 'yes')] })
 */
export function eom(fields: EventFields<Eom> = {}): Eom {
  checkOptions('eom()', fields, EOM_FIELDS, 'field');
  return { stage: 'eom', session: session(), modifications: [], ...fields };
}
