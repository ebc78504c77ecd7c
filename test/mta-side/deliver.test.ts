import { MilterError } from 'rxmilter';
import {
  deliver,
  type Delivery,
  formatReply,
  type ClientMail,
  MtaSession,
  type MtaSessionOptions,
} from 'rxmilter/mta';
import { afterEach, describe, expect, it } from 'vitest';

import {
  optnegAnswer,
  replyFrame,
  scriptedMilter,
  type Script,
  type ScriptedMilter,
} from '../support/scripted-milter.js';
import { frames, hex, latin1 } from '../support/vectors.js';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'carol@example.org'],
  headers: [['Subject', 'Hello']],
  body: 'Hi\n',
};

let milter: ScriptedMilter;
afterEach(() => milter[Symbol.asyncDispose]());

async function send(
  script: Script = {},
  mail: Partial<ClientMail> = {},
  options: Partial<MtaSessionOptions> = {},
): Promise<Delivery> {
  milter = await scriptedMilter(script);
  return deliver({ ...MAIL, ...mail }, { to: milter.address, ...options });
}

/** The SMTP dialogue, without what is as ever. */
const dialogue = ({ steps }: Delivery): string[] =>
  steps.map(({ command, reply }) => `${command} ${formatReply(reply)}`);
const codes = ({ steps }: Delivery): string => steps.map(({ reply }) => reply.code).join(' ');

describe('deliver', () => {
  it('tells the milter of everything, as Postfix does', async () => {
    const delivery = await send();
    expect(milter.heard).toEqual(['ODCCDHHDMMDRRDRRDTTDLLDNNDBBDEEAAQ']);
    expect(milter.frames.map((frame) => hex(frame).toString('latin1', 4)).slice(1)).toEqual([
      'Cclient.example.com\x004\x9c\x40192.0.2.1\0',
      'Hclient.example.com\0',
      'M<alice@example.com>\0',
      'R<bob@example.org>\0',
      'R<carol@example.org>\0',
      'T',
      'LSubject\0Hello\0',
      'N',
      'BHi\r\n',
      'E',
      'A',
      'A',
      'Q',
    ]);
    expect(delivery.failure).toBeUndefined();
    expect(dialogue(delivery).map((line) => line.replace(/queued as \w+/, 'queued'))).toEqual([
      'connect 220 mta.example.org ESMTP',
      'helo 250 mta.example.org',
      'mail 250 2.1.0 Ok',
      'rcpt 250 2.1.5 Ok',
      'rcpt 250 2.1.5 Ok',
      'data 354 End data with <CR><LF>.<CR><LF>',
      'message 250 2.0.0 Ok: queued',
    ]);
  });

  it('delivers what came where the milter has nothing against it', async () => {
    const delivery = await send();
    expect(delivery).toMatchObject({
      outcome: 'delivered',
      accepted: [
        { address: 'bob@example.org', args: [] },
        { address: 'carol@example.org', args: [] },
      ],
      refused: [],
      sender: { address: 'alice@example.com', args: [] },
      recipients: [
        { address: 'bob@example.org', args: [] },
        { address: 'carol@example.org', args: [] },
      ],
      quarantined: undefined,
      modifications: [],
    });
    expect(delivery.headers.map(({ name }) => name)).toEqual(['Received', 'Subject']);
    expect(delivery.message.toString()).toMatch(
      /^Received: from client\.example\.com \(client\.example\.com \[192\.0\.2\.1\]\)\r\n\tby mta\.example\.org with ESMTP id \w+;\r\n\t.* GMT\r\nSubject: Hello\r\n\r\nHi\r\n$/,
    );
  });

  it('gives the milter the macros that Postfix has, when Postfix has them', async () => {
    await send({}, { macros: { '{auth_authen}': 'alice' } });
    const told = milter.macros.map((frame) => hex(frame).toString('latin1', 5).replaceAll('\0', ' '));
    expect(told[0]).toBe(
      'Cj mta.example.org {daemon_name} mta.example.org {daemon_addr} 127.0.0.1 v Postfix 3.7.11 _ client.example.com [192.0.2.1] ',
    );
    expect(told[1]).toBe('H');
    expect(told[2]).toBe(
      'M{auth_authen} alice {mail_addr} alice@example.com {mail_host} example.com {mail_mailer} smtp ',
    );
    expect(told[3]).toBe('R{rcpt_addr} bob@example.org {rcpt_host} example.org {rcpt_mailer} smtp ');
    expect(told[4]).toMatch(/^Ri \w+ \{rcpt_addr\} carol@example\.org /);
    expect(told.slice(5).map((one) => one.replace(/i \w+ /, 'i '))).toEqual([
      'Ti ',
      'Li ',
      'Ni ',
      'Bi ',
      'Ei ',
    ]);
  });

  it('applies what the milter changes', async () => {
    const delivery = await send(
      {
        E: ['R16', 'R19', 'R21', 'R23', 'R26', 'R28', 'R30', 'R32', 'R04'],
      },
      { recipients: ['bob@example.org'] },
    );
    expect(delivery).toMatchObject({
      outcome: 'quarantined',
      quarantined: 'policy hold',
      sender: { address: 'bounce@example.com', args: ['RET=HDRS', 'ENVID=abc'] },
      accepted: [{ address: 'bob@example.org', args: [] }],
      recipients: [{ address: 'carol@example.org', args: [] }],
    });
    expect(delivery.headers.map(({ name, value }) => [name, value.split(' ')[0]])).toEqual([
      ['X-Top', '1'],
      ['Received', 'from'],
      ['Subject', 'New'],
      ['X-Test', 'yes'],
    ]);
    expect(delivery.body.toString()).toBe('New body\r\n');
    expect(delivery.modifications).toHaveLength(8);
    expect(
      delivery.transcript
        .at(-4)
        ?.received.map(({ type }) => type)
        .at(-1),
    ).toBe('accept');
  });

  it.each(['R05', 'R06', 'R07'])('applies nothing where the message is not delivered (%s)', async (last) => {
    const delivery = await send({ E: ['R16', 'R30', 'R32', 'R28', last] });
    expect(delivery.modifications).toHaveLength(4);
    expect(delivery.headers).toHaveLength(2);
    expect(delivery.body.toString()).toBe('Hi\r\n');
    expect(delivery).toMatchObject({ sender: { address: 'alice@example.com' }, quarantined: undefined });
  });

  it('cuts the body into frames that are full but for the last', async () => {
    const body = latin1('x'.repeat(65_535 * 2 + 10));
    await send({}, { body });
    const sizes = milter.frames
      .filter((frame) => frame.slice(8, 10) === '42')
      .map((frame) => frame.length / 2 - 5);
    expect(sizes).toEqual([65_535, 65_535, 10]);
  });

  it('sends bytes as they are, and takes them as they are', async () => {
    const body = latin1('\0\xff\r\n.\r\nbare\nend');
    const delivery = await send({}, { body, headers: [['Subject', latin1('caf\xe9')]] });
    expect(milter.frames).toContain(frames('C23').toString('hex'));
    expect(delivery.body.equals(body)).toBe(true);
    expect(delivery.headers[1]).toEqual({ name: 'Subject', value: 'café', raw: latin1(' caf\xe9') });
  });

  it('sends the blank after the colon where that was agreed, and folds with LF', async () => {
    await send({ O: 'R01' }, { headers: [['Subject', 'a\r\n\tb']] });
    expect(milter.frames.map((frame) => hex(frame).toString('latin1', 4))).toContain('LSubject\0 a\n\tb\0');
  });

  it('sends no body for an empty one', async () => {
    await send({}, { body: '', headers: [] });
    expect(milter.heard).toEqual(['ODCCDHHDMMDRRDRRDTTDNNDEEAAQ']);
  });

  it('sends arguments, the null sender, and a client of any kind', async () => {
    await send(
      {},
      {
        client: { host: 'localhost', family: 'unix', port: 0, address: '/run/smtp.sock' },
        helo: 'client.example.com',
        sender: '',
        recipients: [{ address: 'bob@example.org', args: ['NOTIFY=NEVER'] }],
      },
    );
    for (const id of ['C06', 'C10', 'C13', 'C16'])
      expect(milter.frames).toContain(frames(id).toString('hex'));
  });
});

describe('a milter that refuses', () => {
  it.each([
    ['C', 'R05', '554 250 550', 'refused', 'connect 554 mta.example.org ESMTP not accepting connections'],
    ['C', 'R10', '554 250 550', 'refused', 'mail 550 5.7.1 No such user here'],
    ['C', 'R06', '220 250 451', 'deferred', 'mail 451 4.7.1 Service unavailable - try again later'],
    ['C', 'R13', '421', 'deferred', 'connect 421 mta.example.org Service unavailable - try again later'],
    ['C', 'R15', '421', 'deferred', 'connect 421 mta.example.org Service unavailable - try again later'],
    ['H', 'R05', '220 250 550', 'refused', 'mail 550 5.7.1 Command rejected'],
    [
      'H',
      'R11',
      '220 250 554',
      'refused',
      'mail 554-5.7.0 Rejected by policy\r\n554-5.7.0 See https://example.org/p\r\n554 5.7.0 Goodbye',
    ],
    ['H', 'R13', '220 421', 'deferred', 'helo 421 4.7.0 Closing, too many errors'],
    ['M', 'R12', '220 250 451', 'deferred', 'mail 451 4.7.1 100% full, retry'],
    ['R', 'R05', '220 250 250 550 550', 'refused', 'rcpt 550 5.7.1 Command rejected'],
    ['R', 'R06', '220 250 250 451 451', 'deferred', 'rcpt 451 4.7.1 Service unavailable - try again later'],
    ['R', 'R13', '220 250 250 421', 'deferred', 'rcpt 421 4.7.0 Closing, too many errors'],
    ['T', 'R10', '220 250 250 250 250 550', 'refused', 'data 550 5.7.1 No such user here'],
    ['L', 'R05', '220 250 250 250 250 354 550', 'refused', 'message 550 5.7.1 Command rejected'],
    [
      'N',
      'R06',
      '220 250 250 250 250 354 451',
      'deferred',
      'message 451 4.7.1 Service unavailable - try again later',
    ],
    ['B', 'R36', '220 250 250 250 250 354 550', 'refused', 'message 550 Plain text'],
    ['E', 'R13', '220 250 250 250 250 354 421', 'deferred', 'message 421 4.7.0 Closing, too many errors'],
    ['E', 'R15', '220 250 250 250 250 354 421', 'deferred', 'message 421 4.7.0 Server closing connection'],
  ])('at %s with %s makes it %s', async (letter, reply, told, outcome, line) => {
    const delivery = await send({ [letter]: reply });
    expect(codes(delivery)).toBe(told);
    expect(delivery.outcome).toBe(outcome);
    expect(dialogue(delivery)).toContain(line);
    expect(delivery.reply).toBe(delivery.steps.at(-1)?.reply);
    expect(delivery.failure).toBeUndefined();
  });

  it('one recipient, refuses no other', async () => {
    const delivery = await send({
      R: (socket, data) => socket.write(frames(data.includes('bob') ? 'R10' : 'R03')),
    });
    expect(delivery).toMatchObject({
      outcome: 'delivered',
      accepted: [{ address: 'carol@example.org', args: [] }],
      refused: [{ address: 'bob@example.org', args: [] }],
      recipients: [{ address: 'carol@example.org', args: [] }],
    });
    expect(codes(delivery)).toBe('220 250 250 550 250 354 250');
  });

  it('one recipient for good and the other not, has the client come back', async () => {
    for (const first of ['bob', 'carol']) {
      const delivery = await send({
        R: (socket, data) => socket.write(frames(data.includes(first) ? 'R10' : 'R12')),
      });
      expect(delivery).toMatchObject({
        outcome: 'deferred',
        reply: { code: 451 },
        accepted: [],
        recipients: [],
      });
      await milter[Symbol.asyncDispose]();
    }
  });

  it('is told nothing more of the message', async () => {
    await send({ L: 'R05' });
    expect(milter.heard).toEqual(['ODCCDHHDMMDRRDRRDTTDLLAAQ']);
  });

  it('the session, is told nothing more at all', async () => {
    await send({ H: 'R05' });
    expect(milter.heard).toEqual(['ODCCDHH']);
  });
});

describe('a milter that decides otherwise', () => {
  it.each(['M', 'R', 'T', 'L', 'N', 'B', 'E'])(
    'at %s to discard, lets the client see success',
    async (letter) => {
      const delivery = await send({ [letter]: 'R07' });
      expect(delivery.outcome).toBe('discarded');
      expect(codes(delivery)).toBe('220 250 250 250 250 354 250');
    },
  );

  it.each(['C', 'H', 'M', 'R', 'T', 'L', 'N', 'B', 'E'])(
    'at %s to accept, has the message delivered',
    async (letter) => {
      const delivery = await send({ [letter]: 'R04' });
      expect(delivery.outcome).toBe('delivered');
      expect(codes(delivery)).toBe('220 250 250 250 250 354 250');
      expect(delivery.failure).toBeUndefined();
    },
  );
});

describe('a recipient that the MTA refuses itself', () => {
  const unknown = { code: 550, enhanced: '5.1.1', lines: ['User unknown'] };
  const recipients = [
    { address: 'bob@example.org', args: ['NOTIFY=NEVER'], refused: unknown },
    'carol@example.org',
  ];

  it('is not shown to the milter', async () => {
    const delivery = await send({}, { recipients });
    expect(milter.heard).toEqual(['ODCCDHHDMMDRRDTTDLLDNNDBBDEEAAQ']);
    expect(delivery).toMatchObject({
      refused: [{ address: 'bob@example.org', args: ['NOTIFY=NEVER'] }],
      accepted: [{ address: 'carol@example.org', args: [] }],
    });
  });

  it('is shown to a milter that asked for it, and stays refused whatever that says', async () => {
    const delivery = await send({ O: optnegAnswer(0x800), R: 'R10' }, { recipients });
    expect(milter.heard[0]).toContain('DRRDRRAAQ');
    expect(milter.macros.map((frame) => hex(frame).toString('latin1', 5))).toContain(
      'R{rcpt_addr}\0User unknown\0{rcpt_host}\x005.1.1\0{rcpt_mailer}\0error\0',
    );
    expect(milter.frames).toContain(frames('C16').toString('hex'));
    expect(dialogue(delivery)).toContain('rcpt 550 5.1.1 User unknown');
  });

  it('may be the reason to discard the message', async () => {
    const delivery = await send({ O: optnegAnswer(0x800), R: 'R07' }, { recipients });
    expect(delivery.outcome).toBe('discarded');
  });
});

describe('a milter that fails', () => {
  it.each([
    ['tempfail', 'deferred', '220 250 451'],
    ['reject', 'refused', '554 250 550'],
    ['shutdown', 'deferred', '421'],
    ['accept', 'delivered', '220 250 250 250 250 354 250'],
    ['quarantine', 'quarantined', '220 250 250 250 250 354 250'],
  ] as const)('from the beginning, with %s, makes the message %s', async (onFailure, outcome, told) => {
    milter = await scriptedMilter();
    await milter[Symbol.asyncDispose]();
    const delivery = await deliver(MAIL, { to: milter.address, onFailure });
    milter = await scriptedMilter();
    expect(delivery.outcome).toBe(outcome);
    expect(codes(delivery)).toBe(told);
    expect(delivery.failure).toBeInstanceOf(MilterError);
    expect(delivery).toMatchObject({ failure: { kind: 'connect' }, transcript: [], agreement: undefined });
  });

  it.each([
    ['tempfail', 'deferred', '220 250 250 250 451 451'],
    ['reject', 'refused', '220 250 250 250 550 550'],
    ['shutdown', 'deferred', '220 250 250 250 421'],
    ['accept', 'delivered', '220 250 250 250 250 354 250'],
    ['quarantine', 'quarantined', '220 250 250 250 250 354 250'],
  ] as const)('in the middle, with %s, makes the message %s', async (onFailure, outcome, told) => {
    const delivery = await send(
      { R: (socket, _, count) => (count === 1 ? socket.write(frames('R03')) : socket.destroy()) },
      {},
      { onFailure },
    );
    expect(delivery.outcome).toBe(outcome);
    expect(codes(delivery)).toBe(told);
    expect(delivery.failure).toMatchObject({ kind: 'disconnect', stage: 'rcpt' });
  });

  it('with a forged reply, refuses, and fails from then on', async () => {
    const delivery = await send(
      { R: replyFrame('y', '550-5.7.1 no\n250 2.1.5 Ok\0') },
      {},
      { onFailure: 'accept' },
    );
    expect(codes(delivery)).toBe('220 250 250 550 250 354 250');
    expect(delivery.failure).toMatchObject({ kind: 'protocol', stage: 'rcpt' });
  });

  it('after it has decided, is found out', async () => {
    const delivery = await send({ E: ['R04', 'R03'] });
    expect(delivery.failure).toMatchObject({ kind: 'protocol' });
    expect((await send({ Q: (socket) => socket.end(frames('R03')) })).failure).toMatchObject({
      stage: 'quit',
    });
  });

  it('by silence at the end, defers', async () => {
    const delivery = await send({ E: '' }, {}, { timeouts: { content: 40 } });
    expect(delivery).toMatchObject({ outcome: 'deferred', failure: { kind: 'timeout', stage: 'eom' } });
  });
});

describe('MtaSession', () => {
  it('sends one message after the other over one connection', async () => {
    milter = await scriptedMilter({
      M: (socket, _, count) => socket.write(frames(count === 2 ? 'R10' : 'R03')),
    });
    const session = await MtaSession.open({ to: milter.address });
    const first = await session.send(MAIL);
    const second = await session.send({ ...MAIL, sender: 'spammer@example.com' });
    const third = await session.send(MAIL);
    await session.close();
    expect([first.outcome, second.outcome, third.outcome]).toEqual(['delivered', 'refused', 'delivered']);
    expect(codes(first)).toBe('220 250 250 250 250 354 250');
    expect(codes(second)).toBe('550');
    expect(codes(third)).toBe('250 250 250 354 250');
    expect(second.transcript.map(({ sent }) => sent.at(-1)?.type)).toEqual(['mail', 'abort']);
    const message = 'DMMDRRDRRDTTDLLDNNDBBDEEA';
    expect(milter.heard).toEqual([`ODCCDHH${message}DMMA${message}AQ`]);
    expect(session.failure).toBeUndefined();
  });

  it.each([
    ['that of the last message', undefined, ['mail', 'abort', 'quit']],
    [
      'all of it where that is asked for',
      true,
      ['optneg', 'connect', 'helo', 'mail', 'abort', 'mail', 'abort', 'quit'],
    ],
  ])('keeps of the conversation %s', async (_what, transcript, said) => {
    milter = await scriptedMilter({ M: 'R10' });
    const session = await MtaSession.open({ to: milter.address, transcript });
    const first = await session.send(MAIL);
    const second = await session.send(MAIL);
    await session.close();
    const types = (exchanges: Delivery['transcript']): unknown[] =>
      exchanges
        .map(({ sent }) => sent.at(-1)?.type)
        .filter((type, at, all) => type !== 'abort' || all[at - 1] !== 'abort');
    expect(types(first.transcript)).toEqual(['optneg', 'connect', 'helo', 'mail', 'abort']);
    expect(types(second.transcript)).toEqual(['mail', 'abort']);
    expect(types(session.transcript)).toEqual(said);
  });

  it('has nothing more to say after a 421', async () => {
    milter = await scriptedMilter({ M: 'R13' });
    const session = await MtaSession.open({ to: milter.address });
    await session.send(MAIL);
    expect(session.ended).toBe(true);
    const second = await session.send(MAIL);
    await session.close();
    expect(second).toMatchObject({ outcome: 'deferred', reply: { code: 421 } });
    expect(milter.heard).toEqual(['ODCCDHHDMMAAQ']);
  });

  it('cannot send a header that no frame holds', async () => {
    milter = await scriptedMilter();
    const headers = [['Subject', 'x'.repeat(70_000)]] as const;
    await expect(deliver({ ...MAIL, headers }, { to: milter.address })).rejects.toThrow(RangeError);
  });
});
