import { checkOptions } from '../../common/options.js';
import type { Helo } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { HELO_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * The client said HELO or EHLO.
 *
 * @example helo('mail.example.net')
 */
export function helo(name = 'client.example', fields: EventFields<Helo> = {}): Helo {
  checkOptions('helo()', fields, HELO_FIELDS, 'field');
  return { stage: 'helo', session: session({ helo: name }), name, raw: Buffer.from(name), ...fields };
}
