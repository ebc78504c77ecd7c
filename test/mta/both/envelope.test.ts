import {
  addHeader,
  addRecipient,
  changeSender,
  compose,
  deleteRecipient,
  discard,
  on,
  quarantine,
  reject,
  type Modification,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { plainRecipients } from '../support/plain-recipients.js';
import type { Letter } from '../support/smtp-client.js';
import { TOLD_BY } from '../support/told-by.js';

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

const ADDRCPT = 0x4;
const DATA = 'Subject: the envelope\r\n\r\nThe body.\r\n';
const letter: Letter = { mail: SENDER, rcpts: [BOB, CID], data: DATA };

describeMtas('modifications of the envelope', (bench, mta) => {
  const told = TOLD_BY[mta];

  test.each(ENVELOPES)('%s', async (_name, modifications, { mail, rcpts }) => {
    await bench().serve(on('eom', modifications));
    expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);
    const delivered = await bench().sink.next();

    expect(delivered.mail.split(' ').sort()).toEqual(mail.split(' ').sort());
    expect(plainRecipients(delivered)).toEqual(rcpts);
    expect(maskReceived(delivered.data)).toBe(RECEIVED + DATA);
  });

  test('a sender that is changed without arguments has those that the client gave', async () => {
    await bench().serve(on('eom', () => changeSender('dan@src.example')));
    const given = { ...letter, mail: `${SENDER} BODY=8BITMIME RET=HDRS ENVID=abc` };
    expect(await (await bench().greeted()).deliver(given)).toMatch(/^250 /);

    const { mail } = await bench().sink.next();
    expect(mail.split(' ').slice(0, 1)).toEqual(['<dan@src.example>']);
    expect(mail.split(' ').slice(1).sort()).toEqual([
      expect.stringMatching(/^BODY=/),
      'ENVID=abc',
      'RET=HDRS',
    ]);
  });

  test('a recipient without arguments, where only those with are asked for', async () => {
    await bench().serve(
      on('eom', () => addRecipient('dan@dst.example')),
      {
        negotiate: (offer, derived) => ({ ...derived, actions: derived.actions & ~ADDRCPT }),
      },
    );
    expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);

    expect(plainRecipients(await bench().sink.next())).toEqual([BOB, CID, '<dan@dst.example>']);
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

  describe('quarantine', () => {
    test('holds the message, changed as it was asked for', async () => {
      await bench().serve(on('eom', () => [addHeader('X-Why', 'virus'), quarantine('looks like a virus')]));
      expect(await (await bench().greeted()).deliver(letter)).toMatch(/^250 /);

      expect(await bench().held()).toMatchObject([
        {
          sender: 'alice@src.example',
          recipients: ['bob@dst.example', 'cid@dst.example'],
          message: expect.stringContaining('X-Why: virus\n\nThe body.\n'),
        },
      ]);
      expect(bench().sink.kept).toEqual([]);
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
      expect(await bench().held()).toHaveLength(1);
    });
  });

  test.each([
    ['refused', reject('no'), /^550 5\.7\.1 no$/],
    ['discarded', discard(), told.queueId],
  ] as const)('a message that is %s after all is not changed, nor held', async (_name, decision, reply) => {
    await bench().serve(on('eom', () => [addRecipient('dan@dst.example'), quarantine('why'), decision]));
    expect(await (await bench().greeted()).deliver(letter)).toMatch(reply);

    await bench().idle();
    expect(await bench().held()).toEqual([]);
    expect(bench().sink.kept).toEqual([]);
  });
});
