import { addHeader, deleteHeader, insertHeader, type Modification } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import {
  CLIENT,
  FROM,
  LETTER,
  ONE,
  RECIPIENTS,
  SUBJECT,
  THREE,
  TO,
  TWO,
  withHeaders,
} from '../support/many-headers.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { modified } from '../support/modified.js';
import { plainRecipients } from '../support/plain-recipients.js';

const HEADERS: readonly (readonly [string, () => Modification[], readonly string[]])[] = [
  [
    'add several headers',
    () => [addHeader('X-Seen', 'a'), addHeader('X-Many', 'four'), addHeader('X-Seen', 'b')],
    [RECEIVED, ...CLIENT, 'X-Seen: a\r\n', 'X-Many: four\r\n', 'X-Seen: b\r\n'],
  ],
  [
    'insert before the third',
    () => [insertHeader(3, 'X-In', 'yes')],
    [RECEIVED, FROM, TO, 'X-In: yes\r\n', SUBJECT, ONE, TWO, THREE],
  ],
  [
    'insert before the last',
    () => [insertHeader(6, 'X-In', 'yes')],
    [RECEIVED, FROM, TO, SUBJECT, ONE, TWO, 'X-In: yes\r\n', THREE],
  ],
  [
    'insert far beyond the end',
    () => [insertHeader(99, 'X-In', 'yes')],
    [RECEIVED, ...CLIENT, 'X-In: yes\r\n'],
  ],
  [
    'insert several, each before one that the filter was shown',
    () => [
      insertHeader(1, 'X-In', 'first'),
      insertHeader(3, 'X-In', 'third'),
      insertHeader(4, 'X-In', 'fourth'),
    ],
    [
      ...[RECEIVED, 'X-In: first\r\n', FROM, TO],
      ...['X-In: third\r\n', SUBJECT, 'X-In: fourth\r\n', ONE, TWO, THREE],
    ],
  ],
  [
    'insert before one and delete an earlier one',
    () => [deleteHeader('From'), insertHeader(3, 'X-In', 'yes')],
    [RECEIVED, TO, 'X-In: yes\r\n', SUBJECT, ONE, TWO, THREE],
  ],
  [
    'insert two at one place: in the order of the wishes',
    () => [insertHeader(3, 'X-In', 'first'), insertHeader(3, 'X-In', 'second')],
    [RECEIVED, FROM, TO, 'X-In: first\r\n', 'X-In: second\r\n', SUBJECT, ONE, TWO, THREE],
  ],
];

describeMtas('places of headers', (bench) => {
  test.each(HEADERS)('%s', async (_name, modifications, headers) => {
    const delivered = await modified(bench(), LETTER, modifications);

    expect(maskReceived(delivered.data)).toBe(withHeaders(headers));
    expect(plainRecipients(delivered)).toEqual(RECIPIENTS);
  });
});
