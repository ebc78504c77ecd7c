import type { Socket } from 'node:net';
import {
  addHeader,
  changeHeader,
  compose,
  deleteRecipient,
  discard,
  insertHeader,
  observe,
  on,
  onMessage,
  perMessage,
  quarantine,
  reject,
  replaceBody,
  skip,
  tempfail,
  accept,
  type Filter,
} from 'rxmilter';
import { check, MilterError, type CheckOptions } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

import {
  GOOD,
  agree,
  optnegAnswer,
  replyFrame,
  scriptedMilter,
  type Act,
  type Script,
} from '../../support/scripted-milter.js';

/** For a milter whose replies are right. */
const QUICKLY: CheckOptions = { settle: 1, idle: 1 };
const CONTINUE = replyFrame('c', '');

let seen = 0;
const everything = perMessage(() => {
  let subject = '';
  return compose(
    observe('connect', () => undefined),
    on('rcpt', ({ address }) => address.startsWith('second-') && reject('100% closed')),
    on('header', ({ name, value }) => {
      if (name === 'Subject') subject = value;
    }),
    on('body', () => skip()),
    on('eom', () => [
      addHeader('X-Subject', subject),
      insertHeader('top', 'X-Top', 'yes'),
      changeHeader('Subject', `[x] ${subject}`),
      replaceBody('x'.repeat(200_000)),
      deleteRecipient('nobody@example.org'),
      quarantine('held'),
    ]),
  );
});

describe('check() finds nothing wrong with', () => {
  test.each<[string, Filter]>([
    ['a filter that does nothing', observe('mail', () => undefined)],
    ['one that decides and changes at every stage', everything],
    ['one that reads whole messages', onMessage((message) => addHeader('X-Size', String(message.size)))],
    ['one that refuses every client', on('connect', () => reject('Closed'))],
    ['one that accepts every client', on('connect', () => accept())],
    ['one that discards', on('mail', () => discard())],
    ['one that defers all content', on('eoh', () => tempfail('Later'))],
  ])('%s', async (_what, filter) => {
    const { findings, dialogues } = await check(filter, { ...QUICKLY, session: { ungranted: 'skip' } });
    expect(findings).toEqual([]);
    expect(dialogues.length).toBeGreaterThan(45);
    expect(dialogues.filter(({ result }) => result === 'broken')).toEqual([]);
  });

  test('a filter that counts all mails, but says so', async () => {
    const { findings } = await check(
      on('mail', () => (seen++ % 3 === 2 ? tempfail('Too many') : undefined)),
      QUICKLY,
    );
    expect(findings.map(({ rule, severity }) => [rule, severity])).toEqual([['other-answer', 'warning']]);
    expect(findings[0]?.what).toMatch(/^Alone it was answered with .*; here with .*\.$/);
  });
});

describe('check()', () => {
  test('tells what is wrong, where, what follows and what to change', async () => {
    await using milter = await scriptedMilter({ ...GOOD, H: [CONTINUE, CONTINUE] });
    const { findings, dialogues } = await check(milter.address, { settle: 40, idle: 1 });
    const [finding] = findings;
    expect(findings).toHaveLength(1);
    expect(finding).toMatchObject({
      rule: 'surplus-reply',
      severity: 'error',
      dialogue: 'one step at a time',
      step: 'helo client.example',
      what: 'continue came though no reply was due.',
    });
    for (const text of [finding?.consequence, finding?.source, finding?.advice])
      expect(text).toMatch(/^[A-Z].{20}/);
    const names = dialogues.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length - 1);
    for (const { dialogue } of finding?.also ?? []) expect(names).toContain(dialogue);
  });

  test('gives up a milter that breaks every dialogue', async () => {
    await using milter = await scriptedMilter({ ...GOOD, C: '' });
    const { findings, dialogues } = await check(milter.address, { timeout: 400, settle: 1 });
    expect(findings.map(({ rule, step }) => [rule, step])).toEqual([
      ['missing-reply', 'connect client.example inet 192.0.2.1 40025'],
    ]);
    expect(dialogues.map(({ result }) => result)).toEqual(Array(5).fill('broken'));
  });

  test('says that a milter is gone after a client was', async () => {
    let sessions = 0;
    const milter = await scriptedMilter({
      ...GOOD,
      Q: (socket) => {
        socket.end();
        if (++sessions === 10) void milter[Symbol.asyncDispose]();
      },
    });
    const { findings } = await check(milter.address, QUICKLY);
    expect(findings.map(({ rule }) => rule)).toEqual(['gone']);
  });

  test('rejects where nothing listens', async () => {
    const milter = await scriptedMilter();
    await milter[Symbol.asyncDispose]();
    await expect(check(milter.address)).rejects.toThrow(MilterError);
    await expect(check('inet:x@y')).rejects.toThrow('port');
    await expect(check(milter.address, { settle: -1 })).rejects.toThrow('settle is -1');
  });

  test('plays mails of the user as each mail server gives them, byte for byte', async () => {
    await using milter = await scriptedMilter(GOOD);
    const { findings, dialogues } = await check(milter.address, {
      ...QUICKLY,
      mails: [
        {
          sender: 'me@example.net',
          recipients: ['you@example.org'],
          headers: [['X-Mine', 'café', Buffer.from('  caf\xe9', 'latin1')]],
          body: 'Hi\n',
          client: { address: '192.0.2.99' },
        },
      ],
    });
    expect(findings).toEqual([]);
    expect(dialogues.slice(-4).map(({ name }) => name)).toEqual(
      ['Postfix', 'Sendmail', 'Stalwart', 'maddy'].map((mta) => `mail 1, as ${mta} gives it`),
    );
    // libmilter, 2.7: the value without the blank after the colon, where HDR_LEADSPC was not agreed on.
    const header = Buffer.from('X-Mine\0 caf\xe9\0', 'latin1').toString('hex');
    expect(milter.frames.filter((frame) => frame.slice(10) === header)).toHaveLength(4);
    const client = Buffer.from('client.example\0' + '4\x9c\x59192.0.2.99\0', 'latin1').toString('hex');
    expect(milter.frames.filter((frame) => frame.slice(10) === client)).toHaveLength(4);
  });

  test('counts the replies by stage', async () => {
    const { replies } = await check(
      on('connect', () => accept()),
      QUICKLY,
    );
    expect(replies).toEqual({ connect: expect.any(Number) });
  });

  test('has a source and an advice for each rule', async () => {
    const { CHECK_RULES } = await import('../../../src/mta/check/rules.js');
    for (const [rule, { consequence, source, advice }] of Object.entries(CHECK_RULES)) {
      expect([rule, consequence, advice]).toEqual([
        rule,
        expect.stringMatching(/\.$/),
        expect.stringMatching(/\.$/),
      ]);
      expect([rule, source]).toEqual([
        rule,
        expect.stringMatching(/Postfix|Sendmail|libmilter|RFC|maddy|mail servers/),
      ]);
    }
  });
});
/** What mail servers say, and what they do not (libmilter drops it without a reply). */
describe('check() says as a mail server', () => {
  /** The letters that a milter has heard, one string a connection. */
  async function heardBy(script: Script): Promise<readonly string[]> {
    await using milter = await scriptedMilter({ ...GOOD, ...script });
    const { findings } = await check(milter.address, QUICKLY);
    expect(findings).toEqual([]);
    return milter.heard.map((letters) => letters.replace(/D./g, ''));
  }

  test.each<[string, Script, RegExp]>([
    ['nothing of a message whose recipients are all refused', { R: replyFrame('r', '') }, /R[TLNBE]/],
    ['nothing of a message whose DATA is refused', { T: replyFrame('t', '') }, /T[^AMHUQ]/],
    ['nothing of a message that is accepted', { M: replyFrame('a', '') }, /M[RTLNBE]/],
    ['nothing of a message that is discarded at RCPT', { R: replyFrame('d', '') }, /R[RTLNBE]/],
    ['nothing of a client that is refused', { C: replyFrame('r', '') }, /C[^Q]/],
    ['no QUIT_NC after a message that was accepted', { E: replyFrame('a', '') }, /K/],
  ])('%s', async (_what, script, never) => {
    const heard = await heardBy(script);
    expect(heard.filter((letters) => never.test(letters))).toEqual([]);
    expect(heard.filter((letters) => letters.startsWith('O'))).toHaveLength(heard.length);
  });

  test('one DATA for several recipients of which one is refused', async () => {
    const heard = await heardBy({
      R: (socket, data) => {
        const letter = data.includes('rcpt-') ? 'r' : 'c';
        socket.write(Buffer.from(replyFrame(letter, ''), 'hex'));
      },
    });
    expect(heard.some((letters) => letters.includes('MRRT'))).toBe(true);
  });
});

describe('check(), of a milter that needs rights,', () => {
  test('warns of mail servers that do not offer them, and leaves out what no mail server offers', async () => {
    await using milter = await scriptedMilter({
      ...GOOD,
      O: (socket, data) => ((data.readUInt32BE(4) & 0x10) === 0 ? socket.end() : agree(socket, data)),
    });
    const { findings, dialogues } = await check(milter.address, QUICKLY);
    expect(findings).toEqual([
      expect.objectContaining({
        rule: 'offer-refused',
        severity: 'warning',
        dialogue: 'a message as maddy gives it',
        also: [],
      }),
    ]);
    expect(dialogues.filter(({ result }) => result !== 'played')).toEqual([
      { name: 'a message as maddy gives it', result: 'broken' },
      { name: 'an offer of one right', result: 'skipped' },
    ]);
  });

  // Stalwart and maddy (go-milter 0.4.1) do as the answer says; Sendmail refuses such a milter.
  test.each<[string, Act, severity: string | undefined, dialogues: string[]]>([
    [
      'a lower version',
      (socket, data) =>
        void socket.write(Buffer.from(optnegAnswer(0, data.readUInt32BE(4) & 0x3f, 2), 'hex')),
      undefined,
      [],
    ],
    [
      'a right that servers of today do without',
      (socket, data) => agree(socket, data, 0x100 | data.readUInt32BE(4)),
      'error',
      [
        'a message as maddy gives it',
        'a message as Stalwart gives it',
        'an offer of Sendmail 8.13 (version 2)',
        'an offer of one right',
      ],
    ],
    [
      'it where version 6 is offered',
      (socket, data) => agree(socket, data, (data.readUInt32BE(0) < 6 ? 0 : 0x100) | data.readUInt32BE(4)),
      'warning',
      ['a message as maddy gives it', 'a message as Stalwart gives it', 'an offer of one right'],
    ],
  ])('takes the answer of %s for what it is', async (_what, O, severity, dialogues) => {
    await using milter = await scriptedMilter({ ...GOOD, O });
    const { findings } = await check(milter.address, QUICKLY);
    const places = findings.flatMap(({ dialogue, also }) => [dialogue, ...also.map((one) => one.dialogue)]);
    expect([findings[0]?.severity, places]).toEqual([severity, dialogues]);
  });
});

describe('check() compares', () => {
  const say = (socket: Socket, ...replies: string[]): void =>
    void socket.write(Buffer.from(replies.join(''), 'hex'));

  test.each<[string, Script]>([
    [
      'no numbers that are others each time',
      { E: (socket) => say(socket, replyFrame('h', `X-Id\0${++seen}\0`), CONTINUE) },
    ],
    [
      'no PROGRESS',
      { E: (socket) => say(socket, ...(++seen % 2 === 0 ? [replyFrame('p', '')] : []), CONTINUE) },
    ],
  ])('%s', async (_what, script) => {
    // With all rights it would change what mail servers do not grant.
    await using milter = await scriptedMilter({ ...GOOD, ...script });
    const { findings } = await check(milter.address, QUICKLY);
    expect(findings.map(({ rule }) => rule).filter((rule) => rule !== 'ungranted-change')).toEqual([]);
  });

  test('and gives Stalwart its EOH where that is not wanted', async () => {
    await using milter = await scriptedMilter({
      ...GOOD,
      O: (socket, data) => agree(socket, data, 0, data.readUInt32BE(8) & 0x40),
    });
    expect((await check(milter.address, QUICKLY)).findings).toEqual([]);
    // maddy and the offer of no features have no NOEOH, and Stalwart sends EOH though it offers that.
    expect(milter.heard.filter((letters) => letters.includes('LN'))).toHaveLength(3);
  });
});
