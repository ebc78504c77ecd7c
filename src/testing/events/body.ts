import { checkOptions } from '../../common/options.js';
import type { Body } from '../../session/flow.js';
import type { EventFields } from '../event-fields.js';
import { BODY_FIELDS } from '../field-rules.js';
import { session } from '../session.js';

/**
 * A piece of the body. Text becomes UTF-8 and is otherwise left alone: write CRLF where lines end.
 *
 * @example body('Hello.\r\n')
 */
export function body(content: string | Uint8Array = 'hello\r\n', fields: EventFields<Body> = {}): Body {
  checkOptions('body()', fields, BODY_FIELDS, 'field');
  return { stage: 'body', session: session(), chunk: Buffer.from(content), ...fields };
}
