import { expect, test } from 'vitest';
import { changeHeader, type Modification } from '../../../src/index.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { modified } from '../support/modified.js';
import { plainRecipients } from '../support/plain-recipients.js';
import type { Letter } from '../support/smtp-client.js';

const FROM = 'From: Alice <alice@src.example>\r\n';
const TO = 'To: Bob <bob@dst.example>\r\n';
const SUBJECT = 'Subject: the subject\r\n';
const ONE = 'X-Many: one\r\n';
const TWO = 'X-Many: two\r\n';
const THREE = 'X-Many: three\r\n';
const CLIENT = [FROM, TO, SUBJECT, ONE, TWO, THREE];
const BODY = 'First line.\r\n.a dot\r\nLast line.\r\n';

function message(headers: readonly string[], body = BODY): string {
  return `${headers.join('')}\r\n${body}`;
}

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

const SENDER = '<alice@src.example>';
const BOB = '<bob@dst.example>';
const CID = '<cid@dst.example>';

describePostfix('changed headers behind Postfix', (bench) => {
  const letter: Letter = { mail: SENDER, rcpts: [BOB, CID], data: message(CLIENT) };

  test.each(HEADERS)('%s', async (_name, modifications, headers) => {
    const delivered = await modified(bench(), letter, modifications);

    expect(maskReceived(delivered.data)).toBe(message(headers));
    expect(plainRecipients(delivered)).toEqual([BOB, CID]);
  });
});
