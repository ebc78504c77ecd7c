import { checkOptions } from '../../common/options.js';
import { envelope } from '../../session/connection/events.js';
import type { Rcpt } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { RCPT_FIELDS } from '../field-rules.js';
import { session as makeSession } from '../session.js';
import { mail as makeMail } from './mail.js';

/**
 * RCPT TO, of a message from `sender@example.org` where no `mail` is given; `params` follow from `args`.
 *
 * @param address without angle brackets
 * @example rcpt('a@b.test', { mail: mail('alice@example.com') })
 */
export function rcpt(address = 'rcpt@example.org', fields: EventFields<Rcpt> = {}): Rcpt {
  checkOptions('rcpt()', fields, RCPT_FIELDS, 'field');
  const { args = [], raw = Buffer.from(`<${address}>`) } = fields;
  const session = fields.session ?? fields.mail?.session ?? makeSession();
  const { mail = makeMail(undefined, { session }) } = fields;
  return { stage: 'rcpt', mail, ...envelope({ address, args, raw }), ...fields, session };
}
