import { checkOptions } from '../../common/options.js';
import { envelope } from '../../session/connection/events.js';
import type { Mail } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { MAIL_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * MAIL FROM; `params` follow from `args` where those are given.
 *
 * @param address without angle brackets; `''` is the null sender
 * @example mail('alice@example.com', { args: ['SIZE=1234'] })
 */
export function mail(address = 'sender@example.org', fields: EventFields<Mail> = {}): Mail {
  checkOptions('mail()', fields, MAIL_FIELDS, 'field');
  const { args = [], raw = Buffer.from(`<${address}>`) } = fields;
  return { stage: 'mail', session: session(), ...envelope({ address, args, raw }), ...fields };
}
