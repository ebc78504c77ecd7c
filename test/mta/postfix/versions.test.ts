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
  perMessage,
  quarantine,
  reject,
  replaceBody,
  skip,
  tempfail,
  type MilterEvent,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { type Offer } from '../../../src/session/negotiation/terms.js';
import { converse, TAKEN } from '../support/conversation.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { noting } from '../support/noting.js';
import { plainRecipients } from '../support/plain-recipients.js';
import { refusedByPostfix, STAGES } from '../support/refused-by-postfix.js';
import { stages } from '../support/stages.js';

const MESSAGE = 'Subject: old\r\nX-Old: 1\r\n\r\nThe body.\r\n';
const LONG = `Subject: long\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(4000)}`;

/** Postfix 2.6 and later offers all its actions at every version, also those that came with a later one. */
const ACTIONS = 0x1ff;
const RIGHTS = [
  ...['ADDHDRS', 'CHGBODY', 'ADDRCPT', 'DELRCPT', 'CHGHDRS', 'QUARANTINE'],
  ...['CHGFROM', 'ADDRCPT_PAR'],
];

/** The stages of a message that only come from some version on. */
const since = { data: 4, unknown: 3 };

describePostfix('Postfix, told to speak', (bench) => {
  describe.each([
    [2, 'version2', 0x7f],
    [3, 'version3', 0x17f],
    [4, 'version4', 0x37f],
    [6, 'inet', 0x1fffff],
  ] as const)('version %i', (version, listener, protocol) => {
    const asked = STAGES.filter((stage) => stage !== 'data' || version >= since.data);

    test('offers its flags and all actions, and the filter is told of it', async () => {
      const offers: Offer[] = [];
      const told: unknown[] = [];
      await bench().serve(
        compose(
          observe(['connect', 'rcpt'], ({ session }) => void told.push(session.version)),
          on('eom', ({ session }) => void told.push(session.version, session.rights)),
        ),
        { negotiate: (offer) => void offers.push(offer) },
      );

      expect(await converse(await bench().connect(listener), MESSAGE)).toEqual(TAKEN);
      expect(offers).toEqual([{ version, actions: ACTIONS, protocol }]);
      expect(told).toEqual([version, version, version, RIGHTS]);
    });

    describe('refusals', () => {
      test.each(asked)('for good at %s', async (stage) => {
        await bench().serve(on(stage, () => reject('no')));

        expect(await converse(await bench().connect(listener), MESSAGE)).toEqual(
          refusedByPostfix(stage, '550 5.7.1 no'),
        );
      });

      test.each(asked)('for now at %s', async (stage) => {
        await bench().serve(on(stage, () => tempfail({ text: ['not now,', 'but later'] })));

        expect(await converse(await bench().connect(listener), MESSAGE)).toEqual(
          refusedByPostfix(stage, '451-4.7.1 not now,\n451 4.7.1 but later'),
        );
      });

      test('of some of the recipients', async () => {
        await bench().serve(
          on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject('not bob') : undefined)),
        );
        const client = await bench().greeted(listener);
        await client.command('MAIL FROM:<alice@src.example>');

        expect(await client.command('RCPT TO:<ann@dst.example>')).toBe('250 2.1.5 Ok');
        expect(await client.command('RCPT TO:<bob@dst.example>')).toBe('550 5.7.1 not bob');
        expect(await client.command('RCPT TO:<cid@dst.example>')).toBe('250 2.1.5 Ok');
        await client.command('DATA');
        expect(await client.content(MESSAGE)).toMatch(/^250 /);
        expect(plainRecipients(await bench().sink.next())).toEqual([
          '<ann@dst.example>',
          '<cid@dst.example>',
        ]);
      });
    });

    // Below version 6 Postfix waits for an answer at each of these stages, and would hang without.
    test('shows all stages that there are to a filter that only looks, and decides nothing', async () => {
      const seen: MilterEvent[] = [];
      await bench().serve(noting(seen));
      const client = await bench().greeted(listener);

      expect(await client.command('FROBNICATE')).toBe('500 5.5.2 Error: command not recognized');
      expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
      expect(stages(seen)).toEqual([
        ...['connect', 'helo', ...(version < since.unknown ? [] : ['unknown']), 'mail', 'rcpt'],
        ...[...(version < since.data ? [] : ['data']), 'header', 'header', 'eoh', 'body', 'eom'],
      ]);
      expect((await bench().sink.next()).data.toString()).toContain(MESSAGE);
    });

    test('lets a filter refuse an unknown command where it has them', async () => {
      await bench().serve(on('unknown', () => tempfail('later')));
      const client = await bench().greeted(listener);

      expect(await client.command('FROBNICATE')).toBe(
        version < since.unknown ? '500 5.5.2 Error: command not recognized' : '451 4.7.1 later',
      );
      expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
    });

    test('takes changes of headers and body', async () => {
      await bench().serve(
        on('eom', () => [
          addHeader('X-Seen', 'yes'),
          insertHeader(1, 'X-In', 'yes'),
          changeHeader('Subject', 'new'),
          deleteHeader('X-Old'),
          replaceBody('New body.\r\n'),
        ]),
      );

      expect(await converse(await bench().connect(listener), MESSAGE)).toEqual(TAKEN);
      expect(maskReceived((await bench().sink.next()).data)).toBe(
        `${RECEIVED}X-In: yes\r\nSubject: new\r\nX-Seen: yes\r\n\r\nNew body.\r\n`,
      );
    });

    // A changed sender and arguments came with version 6; Postfix offers and does them at all versions.
    test('takes changes of the envelope', async () => {
      await bench().serve(
        on('eom', () => [
          changeSender('dan@src.example', ['RET=HDRS']),
          addRecipient('dan@dst.example', ['NOTIFY=NEVER']),
          addRecipient('eve@dst.example'),
          deleteRecipient('bob@dst.example'),
        ]),
      );

      expect(await converse(await bench().connect(listener), MESSAGE)).toEqual(TAKEN);
      const delivered = await bench().sink.next();
      expect(delivered.mail).toBe('<dan@src.example> RET=HDRS');
      expect(plainRecipients(delivered)).toEqual(['<dan@dst.example> NOTIFY=NEVER', '<eve@dst.example>']);
      expect(maskReceived(delivered.data)).toBe(RECEIVED + MESSAGE);
    });

    test('holds a message in quarantine', async () => {
      await bench().serve(on('eom', () => [addHeader('X-Why', 'virus'), quarantine('old virus')]));

      expect(await converse(await bench().connect(listener), MESSAGE)).toEqual(TAKEN);
      await bench().postfix.queue.idle();
      const held = await bench().postfix.queue.list();
      expect(held).toMatchObject([{ queue_name: 'hold' }]);
      expect(await bench().postfix.queue.read(held[0]?.queue_id ?? '')).toContain('X-Why: virus\n\n');
    });

    // Below version 6 the rest of the body comes from Postfix all the same, but not to the filter.
    test('has no more of a body that is skipped, message after message', async () => {
      await bench().serve(
        perMessage(() => {
          let chunks = 0;
          return compose(
            on('body', () => {
              chunks++;
              return skip();
            }),
            on('eom', () => addHeader('X-Chunks', String(chunks))),
          );
        }),
      );
      const client = await bench().greeted(listener);

      for (const message of [LONG, MESSAGE]) {
        expect(await client.deliver({ data: message })).toMatch(/^250 /);
        expect(maskReceived((await bench().sink.next()).data)).toBe(
          RECEIVED + message.replace('\r\n\r\n', '\r\nX-Chunks: 1\r\n\r\n'),
        );
      }
    });

    test('has several messages on a connection, of which each is judged alone', async () => {
      await bench().serve(
        perMessage(() => {
          const seen: string[] = [];
          return compose(
            observe('rcpt', ({ address }) => void seen.push(address)),
            on('header', ({ name, value }) => {
              seen.push(`${name}=${value}`);
              return value === 'bad' ? reject('bad') : undefined;
            }),
            on('eom', ({ session }) => addHeader('X-Seen', `${session.helo ?? ''} ${seen.join(' ')}`)),
          );
        }),
      );
      const client = await bench().greeted(listener);
      const letter = (subject: string): string => `Subject: ${subject}\r\n\r\nThe body.\r\n`;

      expect(await client.deliver({ rcpts: ['<ann@dst.example>'], data: letter('one') })).toMatch(/^250 /);
      expect(await client.deliver({ data: letter('bad') })).toBe('550 5.7.1 bad');
      await client.command('MAIL FROM:<dropped@src.example>');
      await client.command('RCPT TO:<dropped@dst.example>');
      expect(await client.command('RSET')).toBe('250 2.0.0 Ok');
      expect(await client.deliver({ rcpts: ['<cid@dst.example>'], data: letter('two') })).toMatch(/^250 /);

      const first = await bench().sink.waitFor(({ rcpts }) => rcpts.join().startsWith('<ann'));
      const second = await bench().sink.waitFor(({ rcpts }) => rcpts.join().startsWith('<cid'));
      expect(first.data.toString()).toContain('X-Seen: client.example ann@dst.example Subject=one\r\n');
      expect(second.data.toString()).toContain('X-Seen: client.example cid@dst.example Subject=two\r\n');
      expect(bench().sink.kept).toEqual([]);
    });

    test('tells the macros of each stage', async () => {
      await bench().serve(
        on('eom', ({ session: { macros, mta } }) =>
          addHeader('X-Macros', [mta, macros.get('j'), macros.get('mail_addr'), macros.get('i')].join(' ')),
        ),
      );
      const reply = await (await bench().greeted(listener)).deliver({ data: MESSAGE });

      const id = reply.replace('250 2.0.0 Ok: queued as ', '');
      expect((await bench().sink.next()).data.toString()).toContain(
        `X-Macros: postfix mx.test.example alice@src.example ${id}\r\n`,
      );
    });
  });

  // Agreed on is the lower of the two: Postfix then leaves out what that version does not have.
  test.each([
    [2, []],
    [3, ['unknown']],
    [4, ['unknown', 'data']],
  ] as const)('version 6, with a filter that agrees to %i', async (version, since) => {
    const seen: MilterEvent[] = [];
    await bench().serve(noting(seen), { version });
    const client = await bench().greeted();

    await client.command('FROBNICATE');
    expect(await client.deliver({ data: MESSAGE })).toMatch(/^250 /);
    expect(stages(seen).filter((stage) => stage === 'unknown' || stage === 'data')).toEqual(since);
    expect(new Set(seen.map(({ session }) => session.version))).toEqual(new Set([version]));
  });
});
