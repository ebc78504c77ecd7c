import { changeHeader, type Modification } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import {
  CLIENT,
  FROM,
  LETTER,
  ONE,
  RECIPIENTS,
  SUBJECT,
  THREE,
  TO,
  withHeaders,
} from '../support/many-headers.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { modified } from '../support/modified.js';
import { plainRecipients } from '../support/plain-recipients.js';

const HEADERS: readonly (readonly [string, () => Modification[], readonly string[]])[] = [
  [
    'change the second of a name',
    () => [changeHeader('x-many', '2', 2)],
    [RECEIVED, FROM, TO, SUBJECT, ONE, 'x-many: 2\r\n', THREE],
  ],
  [
    'change one that is not there',
    () => [changeHeader('X-Many', 'four', 4)],
    [RECEIVED, ...CLIENT, 'X-Many: four\r\n'],
  ],
  [
    'change two that are not there',
    () => [changeHeader('X-Many', 'four', 4), changeHeader('X-Many', 'five', 5)],
    [RECEIVED, ...CLIENT, 'X-Many: four\r\n', 'X-Many: five\r\n'],
  ],
];

describePostfix('changed headers behind Postfix', (bench) => {
  test.each(HEADERS)('%s', async (_name, modifications, headers) => {
    const delivered = await modified(bench(), LETTER, modifications);

    expect(maskReceived(delivered.data)).toBe(withHeaders(headers));
    expect(plainRecipients(delivered)).toEqual(RECIPIENTS);
  });
});
