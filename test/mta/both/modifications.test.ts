import { Readable } from 'node:stream';
import {
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  observe,
  on,
  replaceBody,
  type Modification,
} from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
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
const DATE = 'Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n';
const ID = 'Message-Id: <one@src.example>\r\n';
/** With all that Sendmail would add of its own where it is missing. */
const OTHERS = [FROM, TO, SUBJECT, DATE, ID];
const CLIENT = [...OTHERS, ONE, TWO, THREE];
const BODY = 'First line.\r\n.a dot\r\nLast line.\r\n';

function message(headers: readonly string[], body = BODY): string {
  return `${headers.join('')}\r\n${body}`;
}

async function* inPieces(...pieces: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

const HEADERS: readonly (readonly [string, () => Modification[], readonly string[]])[] = [
  ['add a header', () => [addHeader('X-Seen', 'yes')], [RECEIVED, ...CLIENT, 'X-Seen: yes\r\n']],
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
  [
    'change a header',
    () => [changeHeader('Subject', '[EXT] the subject')],
    [RECEIVED, FROM, TO, 'Subject: [EXT] the subject\r\n', DATE, ID, ONE, TWO, THREE],
  ],
  [
    'insert several at the top: each goes above everything that is there',
    () => [insertHeader('top', 'X-In', 'first'), insertHeader('top', 'X-In', 'second')],
    ['X-In: second\r\n', 'X-In: first\r\n', RECEIVED, ...CLIENT],
  ],
  ['delete a header', () => [deleteHeader('Subject')], [RECEIVED, FROM, TO, DATE, ID, ONE, TWO, THREE]],
  ['delete one that is not there', () => [deleteHeader('X-Many', 4)], [RECEIVED, ...CLIENT]],
  [
    'delete two of a name, first one first',
    () => [deleteHeader('X-Many', 1), deleteHeader('X-Many', 2)],
    [RECEIVED, ...OTHERS, THREE],
  ],
  [
    'delete two of a name, last one first',
    () => [deleteHeader('X-Many', 3), deleteHeader('X-Many', 1)],
    [RECEIVED, ...OTHERS, TWO],
  ],
  [
    'delete all of a name',
    () => [deleteHeader('X-Many', 1), deleteHeader('X-Many', 2), deleteHeader('X-Many', 3)],
    [RECEIVED, ...OTHERS],
  ],
  [
    'delete one and change another of a name',
    () => [deleteHeader('X-Many', 1), changeHeader('X-Many', '3', 3)],
    [RECEIVED, ...OTHERS, TWO, 'X-Many: 3\r\n'],
  ],
  [
    'all kinds together',
    () => [
      insertHeader('top', 'X-Top', 'yes'),
      changeHeader('Subject', 'changed'),
      deleteHeader('X-Many', 2),
      addHeader('X-Seen', 'yes'),
    ],
    ['X-Top: yes\r\n', RECEIVED, FROM, TO, 'Subject: changed\r\n', DATE, ID, ONE, THREE, 'X-Seen: yes\r\n'],
  ],
  [
    'add headers of several names',
    () => [addHeader('X-Seen', 'a'), addHeader('X-Too', 'b'), addHeader('X-Three', 'c')],
    [RECEIVED, ...CLIENT, 'X-Seen: a\r\n', 'X-Too: b\r\n', 'X-Three: c\r\n'],
  ],
  [
    'insert several at the bottom',
    () => [insertHeader('bottom', 'X-Many', 'four'), insertHeader('bottom', 'X-Many', 'five')],
    [RECEIVED, ...CLIENT, 'X-Many: four\r\n', 'X-Many: five\r\n'],
  ],
  ['insert before the first', () => [insertHeader(1, 'X-In', 'yes')], [RECEIVED, 'X-In: yes\r\n', ...CLIENT]],
  [
    'change the second of a name',
    () => [changeHeader('X-Many', '2', 2)],
    [RECEIVED, ...OTHERS, ONE, 'X-Many: 2\r\n', THREE],
  ],
  [
    'change one of a name of which there is none',
    () => [changeHeader('X-None', 'new')],
    [RECEIVED, ...CLIENT, 'X-None: new\r\n'],
  ],
  [
    'change several of a name',
    () => [changeHeader('X-Many', 'c', 3), changeHeader('X-Many', 'a', 1)],
    [RECEIVED, ...OTHERS, 'X-Many: a\r\n', TWO, 'X-Many: c\r\n'],
  ],
];

/** What is known to be an addition where the filter is shown the headers. */
const ABSENT: typeof HEADERS = [
  [
    'change one of which there is none, between additions',
    () => [addHeader('X-A', 'a'), changeHeader('X-None', 'new'), addHeader('X-B', 'b')],
    [RECEIVED, ...CLIENT, 'X-A: a\r\n', 'X-None: new\r\n', 'X-B: b\r\n'],
  ],
  [
    'change one beyond the last of a name',
    () => [changeHeader('X-Many', '4', 4)],
    [RECEIVED, ...CLIENT, 'X-Many: 4\r\n'],
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

describeMtas('modifications', (bench) => {
  const letter: Letter = { mail: SENDER, rcpts: [BOB, CID], data: message(CLIENT) };

  test.each(HEADERS)('%s', async (_name, modifications, headers) => {
    const delivered = await modified(bench(), letter, modifications);

    expect(maskReceived(delivered.data)).toBe(message(headers));
    expect(plainRecipients(delivered)).toEqual([BOB, CID]);
  });

  test.each(ABSENT)('%s, of headers that were shown', async (_name, modifications, headers) => {
    await bench().serve(
      compose(
        observe('header', () => undefined),
        on('eom', modifications),
      ),
    );
    expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);

    expect(maskReceived((await bench().sink.next()).data)).toBe(message(headers));
  });

  test.each(BODIES)('replace the body by %s', async (_name, body, expected) => {
    const delivered = await modified(bench(), letter, () => [replaceBody(body())]);

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
    const headers = ['X-Top: yes\r\n', RECEIVED, ...OTHERS, THREE, 'X-First: 1\r\n', 'X-Second: 5\r\n'];
    expect(maskReceived(delivered.data)).toBe(message(headers, 'New body.\r\n'));
    expect(delivered.mail).toBe('<dan@src.example>');
    expect(plainRecipients(delivered)).toEqual([CID, '<dan@dst.example> NOTIFY=NEVER']);
  });
});
