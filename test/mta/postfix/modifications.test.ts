import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import {
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  on,
  replaceBody,
  type Modification,
} from '../../../src/index.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { plainRecipients } from '../support/plain-recipients.js';
import type { Letter } from '../support/smtp-client.js';
import type { Transaction } from '../support/sink-session.js';

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

async function* inPieces(...pieces: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

const HEADERS: readonly (readonly [string, () => Modification[], readonly string[]])[] = [
  ['add a header', () => [addHeader('X-Seen', 'yes')], [RECEIVED, ...CLIENT, 'X-Seen: yes\r\n']],
  [
    'add several headers',
    () => [addHeader('X-Seen', 'a'), addHeader('X-Many', 'four'), addHeader('X-Seen', 'b')],
    [RECEIVED, ...CLIENT, 'X-Seen: a\r\n', 'X-Many: four\r\n', 'X-Seen: b\r\n'],
  ],
  ['add an empty header', () => [addHeader('X-Empty', '')], [RECEIVED, ...CLIENT, 'X-Empty: \r\n']],
  [
    'add a folded header',
    () => [addHeader('X-Long', 'one\n two\r\n\tthree')],
    [RECEIVED, ...CLIENT, 'X-Long: one\r\n two\r\n\tthree\r\n'],
  ],
  ['insert at the top', () => [insertHeader('top', 'X-Top', 'yes')], ['X-Top: yes\r\n', RECEIVED, ...CLIENT]],
  [
    'insert at the bottom',
    () => [insertHeader('bottom', 'X-Low', 'yes')],
    [RECEIVED, ...CLIENT, 'X-Low: yes\r\n'],
  ],
  ['insert before the first', () => [insertHeader(1, 'X-In', 'yes')], [RECEIVED, 'X-In: yes\r\n', ...CLIENT]],
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
    'change a header',
    () => [changeHeader('Subject', '[EXT] the subject')],
    [RECEIVED, FROM, TO, 'Subject: [EXT] the subject\r\n', ONE, TWO, THREE],
  ],
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
    'insert several at the top: each goes above everything that is there',
    () => [insertHeader('top', 'X-In', 'first'), insertHeader('top', 'X-In', 'second')],
    ['X-In: second\r\n', 'X-In: first\r\n', RECEIVED, ...CLIENT],
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
    'change two that are not there',
    () => [changeHeader('X-Many', 'four', 4), changeHeader('X-Many', 'five', 5)],
    [RECEIVED, ...CLIENT, 'X-Many: four\r\n', 'X-Many: five\r\n'],
  ],
  [
    'insert two at one place: in the order of the wishes',
    () => [insertHeader(3, 'X-In', 'first'), insertHeader(3, 'X-In', 'second')],
    [RECEIVED, FROM, TO, 'X-In: first\r\n', 'X-In: second\r\n', SUBJECT, ONE, TWO, THREE],
  ],
  ['delete a header', () => [deleteHeader('Subject')], [RECEIVED, FROM, TO, ONE, TWO, THREE]],
  ['delete one that is not there', () => [deleteHeader('X-Many', 4)], [RECEIVED, ...CLIENT]],
  [
    'delete two of a name, first one first',
    () => [deleteHeader('X-Many', 1), deleteHeader('X-Many', 2)],
    [RECEIVED, FROM, TO, SUBJECT, THREE],
  ],
  [
    'delete two of a name, last one first',
    () => [deleteHeader('X-Many', 3), deleteHeader('X-Many', 1)],
    [RECEIVED, FROM, TO, SUBJECT, TWO],
  ],
  [
    'delete all of a name',
    () => [deleteHeader('X-Many', 1), deleteHeader('X-Many', 2), deleteHeader('X-Many', 3)],
    [RECEIVED, FROM, TO, SUBJECT],
  ],
  [
    'delete one and change another of a name',
    () => [deleteHeader('X-Many', 1), changeHeader('X-Many', '3', 3)],
    [RECEIVED, FROM, TO, SUBJECT, TWO, 'X-Many: 3\r\n'],
  ],
  [
    'all kinds together',
    () => [
      insertHeader('top', 'X-Top', 'yes'),
      changeHeader('Subject', 'changed'),
      deleteHeader('X-Many', 2),
      addHeader('X-Seen', 'yes'),
    ],
    ['X-Top: yes\r\n', RECEIVED, FROM, TO, 'Subject: changed\r\n', ONE, THREE, 'X-Seen: yes\r\n'],
  ],
];

const BODIES: readonly (readonly [string, () => Parameters<typeof replaceBody>[0], string])[] = [
  ['text', () => 'New body.\r\n.x\r\n', 'New body.\r\n.x\r\n'],
  ['text without a last line end', () => 'New body.', 'New body.\r\n'],
  ['UTF-8 text', () => 'Größe ✓\r\n', Buffer.from('Größe ✓\r\n').toString('latin1')],
  ['bytes', () => Uint8Array.of(0xff, 0xfe, 0, 0x41, 13, 10), '\xff\xfe\0A\r\n'],
  ['nothing', () => '', ''],
  ['no bytes', () => new Uint8Array(), ''],
  ['a list', () => ['one\r\n', Buffer.from('two\r\n')], 'one\r\ntwo\r\n'],
  ['an async generator', () => inPieces('one\r', '\n', Buffer.from('two\r\n'), ''), 'one\r\ntwo\r\n'],
  ['an async generator of nothing', () => inPieces(), ''],
  ['a Node stream', () => Readable.from([Buffer.from('one\r\n'), Buffer.from('two\r\n')]), 'one\r\ntwo\r\n'],
];

const SENDER = '<alice@src.example>';
const BOB = '<bob@dst.example>';
const CID = '<cid@dst.example>';

describePostfix('modifications behind Postfix', (bench) => {
  const letter: Letter = { mail: SENDER, rcpts: [BOB, CID], data: message(CLIENT) };

  async function modified(modifications: () => Modification[]): Promise<Transaction> {
    await bench().serve(on('eom', modifications));
    expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);
    return bench().sink.next();
  }

  test.each(HEADERS)('%s', async (_name, modifications, headers) => {
    const delivered = await modified(modifications);

    expect(maskReceived(delivered.data)).toBe(message(headers));
    expect(plainRecipients(delivered)).toEqual([BOB, CID]);
  });

  test.each(BODIES)('replace the body by %s', async (_name, body, expected) => {
    const delivered = await modified(() => [replaceBody(body())]);

    expect(maskReceived(delivered.data)).toBe(message([RECEIVED, ...CLIENT], expected));
  });

  test('everything at once, by several filters', async () => {
    await bench().serve(
      compose(
        on('eom', () => [addHeader('X-First', '1'), changeSender('dan@src.example')]),
        on('eom', async () => {
          await Promise.resolve();
          return [
            replaceBody(inPieces('New body.\r\n')),
            deleteHeader('X-Many', 1),
            deleteHeader('X-Many', 2),
          ];
        }),
        on('eom', ({ modifications }) => [
          addHeader('X-Second', String(modifications.length)),
          addRecipient('dan@dst.example', ['NOTIFY=NEVER']),
          deleteRecipient('bob@dst.example'),
          insertHeader('top', 'X-Top', 'yes'),
        ]),
      ),
    );
    expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);

    const delivered = await bench().sink.next();
    const headers = [
      'X-Top: yes\r\n',
      RECEIVED,
      FROM,
      TO,
      SUBJECT,
      THREE,
      'X-First: 1\r\n',
      'X-Second: 5\r\n',
    ];
    expect(maskReceived(delivered.data)).toBe(message(headers, 'New body.\r\n'));
    expect(delivered.mail).toBe('<dan@src.example>');
    expect(plainRecipients(delivered)).toEqual([CID, '<dan@dst.example> NOTIFY=NEVER']);
  });
});
