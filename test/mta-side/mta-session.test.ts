import { addRecipient, compose, deleteRecipient, observe, on, reject, tempfail } from 'rxmilter';
import { deliver, formatReply, type ClientMail, MtaSession } from 'rxmilter/mta';
import { afterEach, describe, expect, it } from 'vitest';

import {
  optnegAnswer,
  replyFrame,
  scriptedMilter,
  type Script,
  type ScriptedMilter,
} from '../support/scripted-milter.js';
import { hex, latin1 } from '../support/vectors.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'carol@example.org'],
  headers: [['Subject', 'Hello']],
  body: 'Hi\n',
};

let milter: ScriptedMilter | undefined;
afterEach(() => milter?.[Symbol.asyncDispose]());

async function start(script: Script = {}): Promise<string> {
  milter = await scriptedMilter(script);
  return milter.address;
}
const heard = (): string => milter?.heard.join(' ') ?? '';
const data = (letter: string): string[] =>
  (milter?.frames ?? [])
    .map((frame) => hex(frame).toString('latin1', 4))
    .filter((frame) => frame.startsWith(letter));
const macros = (): string[] =>
  (milter?.macros ?? []).map((frame) => hex(frame).toString('latin1', 5).replaceAll('\0', ' '));

describe('a session', () => {
  it('has EHLO again, by another name, between messages', async () => {
    const session = await MtaSession.open({ to: await start() });
    await session.send({ ...MAIL, reset: 'rcpt' });
    expect(formatReply(await session.helo('again.example.com'))).toBe('250 mta.example.org');
    const { message } = await session.send(MAIL);
    await session.close();
    expect(heard()).toBe('ODCCDHHDMMDRRDRRADHHADMMDRRDRRDTTDLLDNNDBBDEEAAQ');
    expect(data('H')).toEqual(['Hclient.example.com\0', 'Hagain.example.com\0']);
    expect(message.toString()).toContain('Received: from again.example.com (');
  });

  it('is refused where a later EHLO is', async () => {
    const filter = on('helo', ({ name }) => (name === 'bad' ? reject('Not you') : undefined));
    const session = await MtaSession.open({ to: filter });
    expect((await session.send(MAIL)).outcome).toBe('delivered');
    expect((await session.helo('bad')).code).toBe(250);
    expect((await session.send(MAIL)).reply).toMatchObject({ code: 550, lines: ['Not you'] });
    expect((await session.unknown('FROB')).lines).toEqual(['Not you']);
    await session.close();
  });

  it('has what is no command, wherever it comes', async () => {
    const seen: string[] = [];
    const filter = on('unknown', ({ command }) => {
      seen.push(command);
      return command === 'BAD'
        ? reject('What?')
        : command === 'BYE'
          ? tempfail({ code: 421, text: 'Bye' })
          : undefined;
    });
    const session = await MtaSession.open({ to: filter });
    expect(formatReply(await session.unknown('FROB it'))).toBe('500 5.5.2 Error: command not recognized');
    expect(formatReply(await session.unknown('BAD'))).toBe('550 5.7.1 What?');
    expect((await session.send(MAIL)).outcome).toBe('delivered');
    expect((await session.unknown('BYE')).code).toBe(421);
    expect(session.ended).toBe(true);
    expect((await session.send(MAIL)).reply.code).toBe(421);
    expect(seen).toEqual(['FROB', 'BAD', 'BYE']);
  });

  it('knows of messages that the client gives up', async () => {
    const first = await deliver({ ...MAIL, reset: 'mail' }, { to: await start() });
    expect(first).toMatchObject({ outcome: 'abandoned', accepted: [], added: [], removed: [] });
    expect(first.steps.map(({ command, reply }) => `${command} ${reply.code}`)).toEqual([
      'connect 220',
      'helo 250',
      'mail 250',
      'rset 250',
    ]);
    expect(heard()).toBe('ODCCDHHDMMAAQ');
    const aborted: string[] = [];
    const filter = compose(
      on('rcpt', () => undefined),
      observe('abort', () => void aborted.push('abort')),
    );
    const second = await deliver({ ...MAIL, reset: 'rcpt' }, { to: filter });
    expect(second).toMatchObject({
      outcome: 'abandoned',
      accepted: [
        { address: 'bob@example.org', args: [] },
        { address: 'carol@example.org', args: [] },
      ],
    });
    expect(aborted).toEqual(['abort']);
  });

  it('gives nothing up that is refused already', async () => {
    const refusing = on('rcpt', () => reject());
    expect((await deliver({ ...MAIL, reset: 'rcpt' }, { to: refusing })).outcome).toBe('refused');
  });
});

describe('a client', () => {
  it('that comes over TLS and has logged in, fills the macros and the Received', async () => {
    const tls = {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      bits: 256,
      subject: 'c',
      issuer: 'CA',
    };
    const auth = { user: 'alice', author: 'a@example.com' };
    const { headers } = await deliver({ ...MAIL, tls, auth }, { to: await start() });
    expect(macros()[1]).toBe(
      'H{tls_version} TLSv1.3 {cipher} TLS_AES_256_GCM_SHA384 {cipher_bits} 256 {cert_subject} c {cert_issuer} CA ',
    );
    expect(macros()[2]).toMatch(
      /^M\{auth_type\} PLAIN \{auth_authen\} alice \{auth_author\} a@example\.com /,
    );
    expect(headers[0]?.value).toContain(' with ESMTPSA id ');
  });

  it('fills no more of them than there is to say', async () => {
    const tls = { version: 'TLSv1.2', cipher: 'X', bits: 128 };
    const { headers } = await deliver(
      { ...MAIL, auth: { user: 'bob', type: 'LOGIN' } },
      { to: await start(), tls },
    );
    expect(macros()[1]).toBe('H{tls_version} TLSv1.2 {cipher} X {cipher_bits} 128 ');
    expect(macros()[2]).toMatch(/^M\{auth_type\} LOGIN \{auth_authen\} bob \{mail_addr\}/);
    expect(headers[0]?.value).toContain(' with ESMTPSA id ');
  });
});

describe('a delivery', () => {
  it('says whom the milter has added and removed', async () => {
    const filter = on('eom', () => [
      deleteRecipient('bob@example.org'),
      addRecipient('dan@example.org', ['NOTIFY=NEVER']),
      deleteRecipient('absent@example.org'),
    ]);
    const delivery = await deliver(MAIL, { to: filter });
    expect(delivery).toMatchObject({
      accepted: [
        { address: 'bob@example.org', args: [] },
        { address: 'carol@example.org', args: [] },
      ],
      added: [{ address: 'dan@example.org', args: ['NOTIFY=NEVER'] }],
      removed: [{ address: 'bob@example.org', args: [] }],
      recipients: [
        { address: 'carol@example.org', args: [] },
        { address: 'dan@example.org', args: ['NOTIFY=NEVER'] },
      ],
    });
  });

  it('says how often the MTA waited', async () => {
    const all = await deliver(MAIL, { to: await start() });
    // Connect, helo, mail, twice rcpt, data, one header, eoh, one body, eom.
    expect(all.rounds).toBe(10);
    expect((await deliver(MAIL, { to: on('eom', () => undefined) })).rounds).toBe(1);
    const session = await MtaSession.open({ to: on(['mail', 'eom'], () => undefined) });
    expect([await session.send(MAIL), await session.send(MAIL)].map(({ rounds }) => rounds)).toEqual([2, 2]);
    await session.close();
    expect((await deliver(MAIL, { to: 'inet:1@127.0.0.1' })).rounds).toBe(0);
  });
});

describe('an offer', () => {
  it.each([
    [2, 0x7f, 'ODCCDHHDUDMMDRRDRRDTDLLDNNDBBDEEAAQ'],
    [3, 0x17f, 'ODCCDHHDUUDMMDRRDRRDTDLLDNNDBBDEEAAQ'],
    [4, 0x37f, 'ODCCDHHDUUDMMDRRDRRDTTDLLDNNDBBDEEAAQ'],
    [5, 0x37f, 'ODCCDHHDUUDMMDRRDRRDTTDLLDNNDBBDEEAAQ'],
    [6, 0x1fffff, 'ODCCDHHDUUDMMDRRDRRDTTDLLDNNDBBDEEAAQ'],
  ])('of version %i has its flags (0x%s) and events', async (version, protocol, letters) => {
    const to = await start({ O: optnegAnswer(0, 0x3f, version) });
    const session = await MtaSession.open({ to, offer: { version } });
    await session.unknown('FROB');
    const { outcome, failure } = await session.send(MAIL);
    await session.close();
    expect({ outcome, failure }).toEqual({ outcome: 'delivered', failure: undefined });
    expect(heard()).toBe(letters);
    expect(session.transcript[0]?.sent).toEqual([
      { type: 'optneg', version, actions: 0x1ff, protocol, lists: [] },
    ]);
  });

  it.each([2, 3, 4, 5, 6])('of version %i suits a filter of the library', async (version) => {
    const seen: string[] = [];
    const filter = compose(
      on(
        ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'unknown'],
        ({ stage }) => void seen.push(stage),
      ),
      on('eom', ({ session }) => (seen.push(session.mta), undefined)),
    );
    for (const mta of ['postfix', 'sendmail'] as const) {
      const { failure, outcome } = await deliver(MAIL, { mta, to: filter, offer: { version } });
      expect({ failure, outcome }).toEqual({ failure: undefined, outcome: 'delivered' });
    }
    const data = version < 4 ? [] : ['data'];
    const events = ['connect', 'helo', 'mail', 'rcpt', 'rcpt', ...data, 'header', 'eoh', 'body'];
    expect(seen).toEqual([...events, 'postfix', ...events, 'sendmail']);
  });

  it('of Sendmail, in an old version, is of fewer rights', async () => {
    const session = await MtaSession.open({
      to: await start({ O: optnegAnswer(0, 0, 2) }),
      mta: 'sendmail',
      offer: { version: 2 },
    });
    expect(session.transcript[0]?.sent).toMatchObject([{ actions: 0x3f }]);
    await session.close();
  });

  it.each([1, 7, 2.5, NaN])('of version %s is refused', async (version) => {
    await expect(deliver(MAIL, { to: await start(), offer: { version } })).rejects.toThrow(
      /deliver\(\): offer\.version is .*; it has to be a whole number from 2 to 6\./,
    );
  });

  it.each([
    [0, 65_535],
    [0x10000000, 262_143],
    [0x20000000, 1_048_575],
  ])('with the bit 0x%s, agreed to, has frames of %i bytes', async (bit, size) => {
    const to = await start({ O: optnegAnswer(bit) });
    await deliver(
      { ...MAIL, body: latin1('x'.repeat(size + 10)) },
      { to, offer: { protocol: 0x1fffff + bit } },
    );
    expect(data('B').map(({ length }) => length - 1)).toEqual([size, 10]);
  });

  it('of a larger size that the milter does not take, changes nothing', async () => {
    await deliver(
      { ...MAIL, body: latin1('x'.repeat(65_540)) },
      { to: await start(), offer: { protocol: 0x301fffff } },
    );
    expect(data('B').map(({ length }) => length - 1)).toEqual([65_535, 5]);
  });

  it('of a larger size is taken by a filter that wants it', async () => {
    const sizes: number[] = [];
    const filter = on('body', ({ chunk }) => void sizes.push(chunk.length));
    await deliver(
      { ...MAIL, body: latin1('x'.repeat(300_000)) },
      { to: filter, session: { maxDataSize: 1_048_575 }, offer: { protocol: 0x201fffff } },
    );
    expect(sizes).toEqual([300_000]);
  });
});

describe('header fields that are given byte by byte', () => {
  it('are sent and delivered like that', async () => {
    const headers = [['A', 'shown to readers', latin1('\ttight \xff')]] as const;
    const { message } = await deliver(
      { ...MAIL, headers },
      { to: await start({ O: optnegAnswer(0x100000) }) },
    );
    expect(data('L')).toEqual(['LA\0\ttight \xff\0']);
    expect(message.toString('latin1')).toContain('\r\nA:\ttight \xff\r\n\r\n');
  });
});

describe('a refusal of a milter', () => {
  it('without an enhanced code is shown as it is', async () => {
    const { reply } = await deliver(MAIL, { to: await start({ E: replyFrame('y', '550 no\0') }) });
    expect(reply).toEqual({ code: 550, lines: ['no'] });
  });
});
