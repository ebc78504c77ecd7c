import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  discard,
  insertHeader,
  on,
  quarantine,
  reject,
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

interface Envelope {
  readonly mail: string;
  readonly rcpts: readonly string[];
}
const SENDER = '<alice@src.example>';
const BOB = '<bob@dst.example>';
const CID = '<cid@dst.example>';
const ENVELOPES: readonly (readonly [string, () => Modification[], Envelope])[] = [
  [
    'add a recipient',
    () => [addRecipient('dan@dst.example')],
    { mail: SENDER, rcpts: [BOB, CID, '<dan@dst.example>'] },
  ],
  [
    'add a recipient with arguments',
    () => [addRecipient('dan@dst.example', ['NOTIFY=NEVER'])],
    { mail: SENDER, rcpts: [BOB, CID, '<dan@dst.example> NOTIFY=NEVER'] },
  ],
  [
    'add several recipients',
    () => [
      addRecipient('<dan@dst.example>'),
      addRecipient('eve@dst.example'),
      addRecipient('dan@dst.example'),
    ],
    { mail: SENDER, rcpts: [BOB, CID, '<dan@dst.example>', '<eve@dst.example>'] },
  ],
  ['delete a recipient', () => [deleteRecipient('cid@dst.example')], { mail: SENDER, rcpts: [BOB] }],
  [
    'delete one that is none',
    () => [deleteRecipient('zoe@dst.example')],
    { mail: SENDER, rcpts: [BOB, CID] },
  ],
  [
    'put another in the place of a recipient',
    () => [deleteRecipient('<bob@dst.example>'), addRecipient('dan@dst.example')],
    { mail: SENDER, rcpts: [CID, '<dan@dst.example>'] },
  ],
  [
    'change the sender',
    () => [changeSender('dan@src.example')],
    { mail: '<dan@src.example>', rcpts: [BOB, CID] },
  ],
  ['take the sender away', () => [changeSender('')], { mail: '<>', rcpts: [BOB, CID] }],
  [
    'change the sender with arguments',
    () => [changeSender('dan@src.example', ['RET=HDRS', 'ENVID=one+2B1'])],
    { mail: '<dan@src.example> RET=HDRS ENVID=one+2B1', rcpts: [BOB, CID] },
  ],
];

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

  test.each(ENVELOPES)('%s', async (_name, modifications, { mail, rcpts }) => {
    const delivered = await modified(modifications);

    expect(delivered.mail.split(' ').sort()).toEqual(mail.split(' ').sort());
    expect(plainRecipients(delivered)).toEqual(rcpts);
    expect(maskReceived(delivered.data)).toBe(message([RECEIVED, ...CLIENT]));
  });

  test('the recipient that a filter deletes by what it was told', async () => {
    const told: Uint8Array[] = [];
    await bench().serve(
      compose(
        on('rcpt', ({ raw }) => void told.push(raw)),
        on('eom', () => told.slice(0, 1).map((raw) => deleteRecipient(raw))),
      ),
    );
    expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);

    expect(plainRecipients(await bench().sink.next())).toEqual([CID]);
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

  describe('quarantine', () => {
    test('holds the message, changed as it was asked for', async () => {
      await bench().serve(on('eom', () => [addHeader('X-Why', 'virus'), quarantine('looks like a virus')]));
      expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);
      await bench().postfix.queue.idle();

      const held = await bench().postfix.queue.list();
      expect(held).toMatchObject([{ queue_name: 'hold', sender: 'alice@src.example' }]);
      expect(held[0]?.recipients.map(({ address }) => address).sort()).toEqual([
        'bob@dst.example',
        'cid@dst.example',
      ]);
      expect(bench().sink.kept).toEqual([]);
      expect(await bench().postfix.queue.read(held[0]?.queue_id ?? '')).toContain('X-Why: virus\n\n');
      await bench().postfix.queue.clearHold();
    });

    test('concerns one message, not the next one', async () => {
      await bench().serve(
        on('eom', ({ session }) => (session.helo === 'bad.example' ? quarantine('bad') : undefined)),
      );
      const client = await bench().connect();
      await client.reply();
      await client.command('EHLO bad.example');
      expect(await client.deliver(letter)).toMatch(/^250 /);
      await client.command('EHLO good.example');
      expect(await client.deliver(letter)).toMatch(/^250 /);

      await bench().sink.next();
      await bench().postfix.queue.idle();
      expect(await bench().postfix.queue.list()).toHaveLength(1);
      await bench().postfix.queue.clearHold();
    });
  });

  test.each([
    ['refused', reject('no'), '550 5.7.1 no'],
    ['discarded', discard(), '250 2.0.0 Ok: queued as'],
  ] as const)('a message that is %s after all is not changed, nor held', async (_name, decision, reply) => {
    await bench().serve(on('eom', () => [addRecipient('dan@dst.example'), quarantine('why'), decision]));
    expect(await (await bench().greeted()).deliver(letter)).toContain(reply);

    await bench().postfix.queue.idle();
    expect(await bench().postfix.queue.list()).toEqual([]);
    expect(bench().sink.kept).toEqual([]);
  });
});
