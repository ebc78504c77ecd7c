import { SMFIP } from 'rxmilter';
import { expect, test } from 'vitest';

import { optnegAnswer, replyFrame } from '../../support/scripted-milter.js';
import { describeSendmail } from '../support/describe-sendmail.js';
import type { SmtpClient } from '../support/smtp-client.js';

const DATA = 'Subject: order\r\n\r\nThe body.\r\n';
const START = 'ODCCDHH';
const MESSAGE = 'DMMDRRTLNBDEE';

async function envelope(client: SmtpClient): Promise<void> {
  await client.command('MAIL FROM:<alice@src.example>');
  await client.command('RCPT TO:<bob@dst.example>');
}

async function message(client: SmtpClient): Promise<void> {
  expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
}

/** What a client does, and what Sendmail tells of it to a filter that wants everything; macros as D and their letter. */
const SESSIONS: readonly (readonly [string, (client: SmtpClient) => Promise<unknown>, string])[] = [
  ['nothing, and says QUIT', (client) => client.quit(), `${START}Q`],
  [
    'two messages',
    async (client) => {
      await message(client);
      await message(client);
      await client.quit();
    },
    `${START}${MESSAGE}${MESSAGE}Q`,
  ],
  [
    'a message without a body and headers',
    async (client) => {
      expect(await client.deliver({ data: '' })).toMatch(/^250 /);
      await client.quit();
    },
    `${START}DMMDRRTNDEEQ`,
  ],
  [
    'RSET in a message, and outside of one',
    async (client) => {
      await envelope(client);
      await client.command('RSET');
      await client.command('RSET');
      await client.quit();
    },
    `${START}DMMDRRAQ`,
  ],
  [
    'EHLO in a message',
    async (client) => {
      await envelope(client);
      await client.command('EHLO second.example');
      await client.quit();
    },
    `${START}DMMDRRADHHQ`,
  ],
  [
    'QUIT in a message',
    async (client) => {
      await envelope(client);
      await client.quit();
    },
    `${START}DMMDRRQ`,
  ],
  ['nothing, and vanishes', () => Promise.resolve(), `${START}Q`],
  ['the envelope, and vanishes', envelope, `${START}DMMDRRQ`],
  [
    'half a message, and vanishes', // then Sendmail says nothing at all
    async (client) => {
      await envelope(client);
      await client.command('DATA');
      client.write('Subject: half\r\n\r\nThe bo');
    },
    `${START}DMMDRRT`,
  ],
  [
    'an unknown command',
    async (client) => {
      await client.command('FROBNICATE');
      await client.quit();
    },
    `${START}UQ`,
  ],
];

describeSendmail('the order of events from Sendmail', (bench) => {
  test.each(SESSIONS)('when the client does %s', async (_name, act, letters) => {
    const { heard } = await bench().scripted({}, act);

    expect(heard).toEqual([letters]);
  });

  test('after a refusal at DATA the client goes on with RCPT, without a new MAIL', async () => {
    const { heard } = await bench().scripted(
      {
        T: (socket, _data, count) =>
          socket.write(Buffer.from(replyFrame(count === 1 ? 'r' : 'c', ''), 'hex')),
      },
      async (client) => {
        await envelope(client);
        expect(await client.command('DATA')).toMatch(/^550 /);
        await client.command('RCPT TO:<cid@dst.example>');
        expect(await client.command('DATA')).toMatch(/^354 /);
        await client.content(DATA);
        await client.quit();
      },
    );

    expect(heard).toEqual([`${START}DMMDRRTDRRTLNBDEEQ`]);
  });

  test('a filter that waives the reply to MAIL gets no ABORT for RSET', async () => {
    const { heard } = await bench().scripted({ O: optnegAnswer(SMFIP.NR_MAIL), M: '' }, async (client) => {
      await envelope(client);
      await client.command('RSET');
      await client.quit();
    });

    expect(heard).toEqual([`${START}DMMDRRQ`]);
  });

  test('a recipient that Sendmail refuses itself leaves a macro frame without its event', async () => {
    const { heard } = await bench().scripted({}, async (client) => {
      await client.command('MAIL FROM:<alice@src.example>');
      expect(await client.command('RCPT TO:<nobody-here@mx.test.example>')).toMatch(/^550 5\.1\.1 /);
      expect(await client.command('RCPT TO:<bob@blocked.example>')).toMatch(/^550 5\.7\.1 /);
      await client.command('RCPT TO:<bob@dst.example>');
      await client.quit();
    });

    expect(heard).toEqual([`${START}DMMDRDRRQ`]);
  });
});
