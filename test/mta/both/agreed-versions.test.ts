import {
  addHeader,
  changeHeader,
  deleteHeader,
  observe,
  on,
  quarantine,
  reject,
  replaceBody,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { converse } from '../support/conversation.js';
import { describeMtas } from '../support/describe-mtas.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { STAGES } from '../support/refused-by-postfix.js';
import { TOLD_BY } from '../support/told-by.js';

const MESSAGE = 'Subject: old\r\nX-Old: 1\r\n\r\nThe body.\r\n';
const BEFORE_DATA = ['connect', 'helo', 'mail', 'rcpt'];
const CONTENT = ['header', 'header', 'eoh', 'body', 'eom'];

/** What each version tells of a message: UNKNOWN from 3 on, DATA from 4 on. */
const VERSIONS = [
  [2, BEFORE_DATA, CONTENT],
  [3, ['connect', 'helo', 'unknown', 'mail', 'rcpt'], CONTENT],
  [4, ['connect', 'helo', 'unknown', 'mail', 'rcpt', 'data'], CONTENT],
  [6, ['connect', 'helo', 'unknown', 'mail', 'rcpt', 'data'], CONTENT],
] as const;

describeMtas('a filter that agrees to an older version', (bench, mta) => {
  const told = TOLD_BY[mta];

  describe.each(VERSIONS)('%d', (version, envelope, content) => {
    test('sees the events of that version', async () => {
      const seen: string[] = [];
      const versions = new Set<number>();
      await bench().serve(
        observe([...STAGES, 'unknown'], ({ stage, session }) => {
          seen.push(stage);
          versions.add(session.version);
        }),
        { version },
      );
      const client = await bench().greeted();
      expect(await client.command('FROBNICATE')).toMatch(/^500 /);
      expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);

      expect(seen).toEqual([...envelope, ...content]);
      expect([...versions]).toEqual([version]);
    });

    test.each(STAGES.filter((stage) => version >= 4 || stage !== 'data'))('refuses at %s', async (stage) => {
      await bench().serve(
        on(stage, () => reject('no')),
        { version },
      );

      expect(await converse(await bench().connect(), MESSAGE)).toEqual(
        told.refused(stage, true, '550 5.7.1 no'),
      );
    });

    test('modifies and holds', async () => {
      await bench().serve(
        on('eom', ({ session }) => [
          addHeader('X-Seen', 'yes'),
          changeHeader('Subject', 'new'),
          deleteHeader('X-Old'),
          replaceBody('New body.\r\n'),
          ...(session.helo === 'held.example' ? [quarantine('why')] : []),
        ]),
        { version },
      );
      const client = await bench().greeted();
      expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
      await client.command('EHLO held.example');
      expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);

      expect(maskReceived((await bench().sink.next()).data)).toBe(
        `${RECEIVED}Subject: new\r\nX-Seen: yes\r\n\r\nNew body.\r\n`,
      );
      expect(await bench().held()).toMatchObject([
        { message: expect.stringContaining('X-Seen: yes\n\nNew body.\n') },
      ]);
    });
  });
});
