import fc from 'fast-check';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MilterError } from 'rxmilter';
import { type MtaEvent, type MtaConnectionOptions, MtaConnection } from 'rxmilter/mta';
import { afterEach, describe, expect, it } from 'vitest';

import {
  optnegAnswer,
  replyFrame,
  scriptedMilter,
  type Script,
  type ScriptedMilter,
} from '../support/scripted-milter.js';
import { COMMAND_VECTORS, LOCK_STEP, NO_REPLY, frames, hex, latin1 } from '../support/vectors.js';

const event = (id: string): MtaEvent => {
  const vector = COMMAND_VECTORS.find((one) => one.id === id);
  return vector?.fields as MtaEvent;
};
const CONNECT = event('C03');
const HELO = event('C10');
const MAIL = event('C12');
const RCPT = event('C16');
const BODY = event('C25');
const EOM = event('C26');

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(script: Script = {}): Promise<ScriptedMilter> {
  const milter = await scriptedMilter(script);
  cleanUps.push(() => milter[Symbol.asyncDispose]());
  return milter;
}

async function open(script: Script = {}, options: MtaConnectionOptions = {}): Promise<MtaConnection> {
  const { address } = await start(script);
  return connectTo(address, options);
}

async function connectTo(address: string, options: MtaConnectionOptions = {}): Promise<MtaConnection> {
  const mta = await MtaConnection.open(address, options);
  cleanUps.push(() => mta.destroy());
  return mta;
}

async function failure(doing: Promise<unknown>): Promise<MilterError> {
  const error: unknown = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MilterError);
  return error as MilterError;
}

describe('MtaConnection', () => {
  it('speaks a session in lock-step, byte for byte', async () => {
    const replies = LOCK_STEP.map((step) => step.filter);
    const script: Record<string, (socket: { write(bytes: Buffer): unknown }) => void> = {};
    for (const letter of 'OCHMRTLNBE')
      script[letter] = (socket) => socket.write(frames(...(replies.shift() ?? [])));
    const milter = await start(script);
    const mta = await connectTo(milter.address, { transcript: true });
    const macros = { j: 'mx.example.org', '{daemon_name}': 'MTA' };
    const answers = [
      await mta.ask(CONNECT, macros),
      await mta.ask(HELO),
      await mta.ask(MAIL, { i: '4XyZ1k2Lm3z9', '{auth_authen}': 'alice' }),
      await mta.ask(RCPT),
      await mta.ask(event('C18')),
      await mta.ask(event('C20')),
      await mta.ask(event('C24')),
      await mta.ask(BODY),
    ];
    for (const answer of answers)
      expect(answer).toEqual({ verdict: { kind: 'continue' }, modifications: [] });
    const last = await mta.ask(EOM);
    expect(last.verdict).toEqual({ kind: 'accept' });
    expect(last.modifications).toMatchObject([
      { type: 'addHeader', name: 'X-Test', value: ' yes' },
      { type: 'changeHeader', index: 2, name: 'X-Spam', value: '' },
    ]);
    await mta.abort();
    await mta.quit();
    expect(milter.heard).toEqual(['ODCCDHHDMMDRRDTTDLLDNNDBBDEEAQ']);
    expect(milter.frames.join('')).toBe(
      frames('C01', 'C03', 'C10', 'C12', 'C16', 'C18', 'C20', 'C24', 'C25', 'C26', 'C28', 'C29').toString(
        'hex',
      ),
    );
    expect(milter.macros.slice(0, 3)).toEqual(['C08', 'C34', 'C11'].map((id) => frames(id).toString('hex')));
    expect(mta.transcript.map(({ sent, received }) => [sent.length, received.length])).toEqual([
      [1, 1],
      ...Array.from({ length: 8 }, () => [2, 1]),
      [2, 3],
      [1, 0],
      [1, 0],
    ]);
    mta.forgetTranscript();
    expect(mta.transcript).toEqual([]);
  });

  it('keeps nothing of what was said where no transcript is asked for', async () => {
    const mta = await open();
    await mta.ask(CONNECT);
    await mta.ask(HELO);
    expect(mta.rounds).toBe(2);
    expect(mta.transcript).toEqual([]);
  });

  it('waits for nothing that the milter will not reply to', async () => {
    const silent = Object.fromEntries('CHMRTLNB'.split('').map((letter) => [letter, '']));
    const milter = await start({ ...silent, O: NO_REPLY[0]?.filter ?? [] });
    const mta = await connectTo(milter.address);
    for (const id of ['C03', 'C10', 'C12', 'C16', 'C18', 'C19', 'C24', 'C25']) await mta.ask(event(id));
    expect((await mta.ask(EOM)).verdict).toEqual({ kind: 'continue' });
    expect(milter.heard).toEqual(['ODCCDHHDMMDRRDTTDLLDNNDBBDEE']);
  });

  it('leaves out what the milter does not want, and still sends the macros of commands', async () => {
    const milter = await start({ O: 'R33' });
    const mta = await connectTo(milter.address);
    for (const id of ['C03', 'C10', 'C12', 'C16', 'C18', 'C19', 'C24', 'C25', 'C31', 'C26'])
      await mta.ask(event(id));
    await mta.quit();
    expect(milter.heard).toEqual(['ODCDHDMDRDTDUDEEQ']);
  });

  it('leaves out what the agreed version does not have', async () => {
    const milter = await start({ O: 'R35' });
    const mta = await connectTo(milter.address);
    for (const id of ['C03', 'C10', 'C31', 'C12', 'C16', 'C18', 'C24', 'C26']) await mta.ask(event(id));
    expect(milter.heard).toEqual(['ODCCDHHDUDMMDRRDTDNNDEE']);
  });

  it('sends the macros that the milter asked for, and the others as ever', async () => {
    const milter = await start({ O: 'R02' });
    const mta = await connectTo(milter.address);
    const values = {
      i: 'ID',
      j: 'host',
      v: 'x',
      '{rcpt_addr}': 'bob',
      '{daemon_name}': 'MTA',
      '{mail_addr}': 'alice',
    };
    for (const one of [CONNECT, MAIL, RCPT, EOM]) await mta.ask(one, values);
    expect(milter.macros.map((frame) => hex(frame).toString('latin1', 5))).toEqual([
      'Cj\0host\0{daemon_name}\0MTA\0',
      'Mi\0ID\0{mail_addr}\0alice\0',
      'R{rcpt_addr}\0bob\0',
      'Ei\0ID\0',
    ]);
  });

  it('takes an empty list of macros for none', async () => {
    const milter = await start({ O: 'R39' });
    const mta = await connectTo(milter.address);
    await mta.ask(EOM, { i: 'ID' });
    expect(milter.macros.map((frame) => hex(frame).toString('latin1', 5))).toEqual(['Ei\0ID\0']);
  });

  it('hangs up once the milter has decided about the session', async () => {
    const closed = new Promise<void>((resolve) => {
      void start({ C: (socket) => socket.once('close', () => resolve()).write(frames('R04')) }).then(
        async ({ address }) => (await connectTo(address)).ask(CONNECT),
      );
    });
    await closed;
  });

  it('sends no more of the body once the milter has skipped it', async () => {
    const milter = await start({ O: optnegAnswer(0x400), B: 'R08' });
    const mta = await connectTo(milter.address);
    expect((await mta.ask(BODY)).verdict.kind).toBe('skip');
    await mta.ask(BODY);
    await mta.ask(EOM);
    await mta.ask(MAIL);
    await mta.ask(BODY);
    expect(milter.heard).toEqual(['ODBBDEEDMMDBB']);
  });

  it('never sends an empty body', async () => {
    const milter = await start();
    const mta = await connectTo(milter.address);
    await mta.ask({ type: 'body', data: Buffer.alloc(0) });
    await mta.quit();
    expect(milter.heard).toEqual(['OQ']);
  });

  it('keeps an unknown command back where libmilter would lose the message over it', async () => {
    const milter = await start({ O: optnegAnswer(0x200) });
    const mta = await connectTo(milter.address);
    for (const id of ['C31', 'C12', 'C31', 'C16', 'C31']) await mta.ask(event(id));
    expect(milter.heard).toEqual(['ODUUDMMDUUDRR']);
  });

  it('begins anew at HELO after a message that was decided', async () => {
    const milter = await start({ M: 'R04' });
    const mta = await connectTo(milter.address);
    for (const one of [MAIL, RCPT, HELO]) await mta.ask(one);
    expect(mta.messageOver).toBe(false);
    expect(milter.heard).toEqual(['ODMMDHH']);
  });

  it('reads signs of life at the end of the message', async () => {
    const mta = await open({ E: ['R09', 'R09', 'R16', 'R09', 'R04'] });
    const answer = await mta.ask(EOM);
    expect(answer.verdict.kind).toBe('accept');
    expect(answer.modifications).toHaveLength(1);
  });

  it('connects over IPv6 and over a Unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mta-'));
    cleanUps.push(() => rm(directory, { recursive: true }));
    const serve = async (where: object): Promise<AddressInfo> => {
      const server = createServer((socket) => socket.once('data', () => socket.write(frames('R01'))));
      await new Promise<void>((resolve) => server.listen(where, resolve));
      cleanUps.push(() => server.close());
      return server.address() as AddressInfo;
    };
    const { port } = await serve({ host: '::1', port: 0 });
    const over6 = await connectTo(`inet6:${port}@::1`);
    expect(over6.agreement).toEqual({ version: 6, actions: 0x11, protocol: 0x100500, lists: new Map() });
    await serve({ path: join(directory, 'milter') });
    expect((await connectTo(`unix:${join(directory, 'milter')}`)).agreement.version).toBe(6);
  });
});

describe('a decision of the milter ends', () => {
  const stages = ['C03', 'C10', 'C12', 'C16', 'C18', 'C19', 'C24', 'C25', 'C26'];

  it.each([
    ['C', 'R04', 'ODCC'],
    ['C', 'R05', 'ODCC'],
    ['H', 'R04', 'ODCCDHH'],
    ['H', 'R10', 'ODCCDHH'],
    ['M', 'R04', 'ODCCDHHDMMAQ'],
    ['M', 'R05', 'ODCCDHHDMMAQ'],
    ['M', 'R07', 'ODCCDHHDMMAQ'],
    ['R', 'R04', 'ODCCDHHDMMDRRAQ'],
    ['R', 'R07', 'ODCCDHHDMMDRRAQ'],
    ['R', 'R05', 'ODCCDHHDMMDRRDTTDLLDNNDBBDEEAQ'],
    ['T', 'R06', 'ODCCDHHDMMDRRDTTAQ'],
    ['L', 'R05', 'ODCCDHHDMMDRRDTTDLLAQ'],
    ['N', 'R04', 'ODCCDHHDMMDRRDTTDLLDNNAQ'],
    ['B', 'R12', 'ODCCDHHDMMDRRDTTDLLDNNDBBAQ'],
    ['C', 'R07', 'ODCCDHHDMMDRRDTTDLLDNNDBBDEEAQ'],
  ])('at %s, with %s, what it is asked: %s', async (letter, reply, heard) => {
    const milter = await start({ [letter]: reply });
    const mta = await connectTo(milter.address);
    for (const id of stages) await mta.ask(event(id));
    await mta.abort();
    await mta.quit();
    expect(milter.heard).toEqual([heard]);
  });

  it('the content after a refused DATA, but not another RCPT and DATA', async () => {
    const milter = await start({
      T: (socket, _, count) => socket.write(frames(count === 1 ? 'R06' : 'R03')),
    });
    const mta = await connectTo(milter.address);
    const [DATA, HEADER] = [event('C18'), event('C19')];
    for (const one of [MAIL, RCPT, DATA, HEADER, EOM, RCPT, DATA, HEADER, EOM]) await mta.ask(one);
    expect(milter.heard).toEqual(['ODMMDRRDTTDRRDTTDLLDEE']);
  });

  it('but not what comes after the message', async () => {
    const milter = await start({
      M: (socket, _, count) => socket.write(frames(count === 1 ? 'R04' : 'R03')),
    });
    const mta = await connectTo(milter.address);
    for (const one of [MAIL, RCPT, EOM]) await mta.ask(one);
    await mta.abort();
    for (const one of [MAIL, RCPT, EOM]) await mta.ask(one);
    expect(milter.heard).toEqual(['ODMMADMMDRRDEE']);
  });
});

describe('a milter fails', () => {
  it('where the port is closed', async () => {
    const milter = await start();
    await milter[Symbol.asyncDispose]();
    expect(await failure(MtaConnection.open(milter.address))).toMatchObject({
      kind: 'connect',
      stage: 'connect',
    });
  });

  it.each([
    ['an answer of version 1', optnegAnswer(0, 0, 1), /version 1 is not spoken/],
    ['an answer of version 0', optnegAnswer(0, 0, 0), /version 0/],
    ['a version above the offer', optnegAnswer(0, 0, 7), /version 7, and 6/],
    ['an action that was not offered', optnegAnswer(0, 0x200), /actions 0x200/],
    ['a protocol flag that was not offered', optnegAnswer(0x80000000), /flags 0x80000000/],
    ['another reply', 'R03', /answered the offer with continue/],
  ])('with %s', async (_, answer, reason) => {
    const milter = await start({ O: answer });
    const error = await failure(MtaConnection.open(milter.address));
    expect(error).toMatchObject({ kind: 'negotiation', stage: 'optneg' });
    expect(error.message).toMatch(reason);
  });

  it('with less than an answer', async () => {
    const milter = await start({ O: '000000094f00000006000001ff' });
    expect(await failure(MtaConnection.open(milter.address))).toMatchObject({
      kind: 'protocol',
      stage: 'optneg',
    });
  });

  it('with more than was offered, even where others may have it', async () => {
    const milter = await start({ O: optnegAnswer(0x400) });
    const offer = { protocol: 0x7f };
    expect(await failure(MtaConnection.open(milter.address, { offer }))).toMatchObject({
      kind: 'negotiation',
    });
  });

  it.each([
    ['a modification before the end', 'M', 'R16'],
    ['a progress before the end', 'M', 'R09'],
    ['a quarantine before the end', 'R', 'R32'],
    ['a skip that was not agreed on', 'B', 'R08'],
    ['a skip of something else', 'R', 'R08'],
    ['an answer to no offer', 'M', 'R01'],
    ['a dropped connection as a reply', 'M', 'R14'],
    ['an unknown letter', 'M', replyFrame('!', '')],
    ['a command', 'M', 'C12'],
    ['data of a reply without data', 'M', replyFrame('c', 'x')],
    ['a reply without its NUL', 'M', replyFrame('y', '550 no')],
    ['an empty frame', 'M', '00000000'],
    ['a frame of 4 GiB', 'M', 'ffffffff63'],
    ['an index of three bytes', 'E', replyFrame('m', '\0\0\x01')],
    ['a negative index', 'E', [replyFrame('i', '\xff\xff\xff\xffX\0y\0'), 'R04']],
    ['a header name with a line end', 'E', [replyFrame('h', 'X\r\nBcc\0y\0'), 'R04']],
    ['a header name with a colon', 'E', [replyFrame('h', 'X:\0y\0'), 'R04']],
    ['an address with a line end', 'E', [replyFrame('+', 'a@b\r\nDATA\0'), 'R04']],
    ['three strings of a sender', 'E', [replyFrame('e', 'a@b\0x\0y\0'), 'R04']],
    ['a body in two pieces', 'E', ['R30', 'R16', 'R30', 'R04']],
    ['a body that a progress interrupts', 'E', ['R30', 'R09', 'R30', 'R04']],
  ])('with %s', async (_, letter, act) => {
    const mta = await open({ [letter]: act });
    const asked = [CONNECT, HELO, MAIL, RCPT, BODY, EOM];
    const error = await failure(
      asked.reduce<Promise<unknown>>((last, one) => last.then(() => mta.ask(one)), Promise.resolve()),
    );
    const stage = { M: 'mail', R: 'rcpt', B: 'body', E: 'eom' }[letter];
    expect(error).toMatchObject({ kind: 'protocol', stage });
    expect((await failure(mta.ask(EOM))).kind).not.toBe('timeout');
  });

  it('with a modification that it has no right to', async () => {
    const mta = await open({ O: optnegAnswer(0, 0x01), E: ['R16', 'R23', 'R04'] });
    const error = await failure(mta.ask(EOM));
    expect(error).toMatchObject({ kind: 'protocol', stage: 'eom' });
    expect(error.message).toMatch(/right to addRecipient/);
  });

  it('with more modifications than anybody needs', async () => {
    const mta = await open({ E: ['R16', 'R16', 'R16', 'R04'] }, { limits: { modifications: 2 } });
    expect((await failure(mta.ask(EOM))).message).toMatch(/more than 2 modifications/);
  });

  it('with longer modifications than there is room for', async () => {
    const mta = await open({ E: ['R30', 'R30', 'R04'] }, { limits: { modificationBytes: 15 } });
    expect((await failure(mta.ask(EOM))).message).toMatch(/longer than 15 bytes/);
  });

  it('with no end of signs of life', async () => {
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => frames('R09')));
    const mta = await open({ E: (socket) => socket.write(flood) }, { limits: { modifications: 999 } });
    expect((await failure(mta.ask(EOM))).message).toMatch(/too many progress replies/);
  });

  it('with no end of replies, which are not all kept', async () => {
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => frames('R03')));
    let more: (() => boolean) | undefined;
    const milter = await start({
      M: (socket) => {
        socket.write(frames('R03'));
        more = () => socket.write(flood);
      },
    });
    const mta = await connectTo(milter.address);
    await mta.ask(MAIL);
    let written = 0;
    while (more?.() === true && written++ < 1000) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(written).toBeLessThan(1000);
    expect(await failure(mta.ask(RCPT))).toMatchObject({ kind: 'protocol', stage: 'mail' });
  });

  it('with whatever bytes, and never otherwise than with a MilterError', async () => {
    let bytes: Uint8Array = Buffer.alloc(0);
    const milter = await start({ E: (socket) => socket.end(bytes) });
    const letters = fc.constantFrom(...Buffer.from('+-2bcdehimpqrtsyafO4!'));
    const data = fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom([], [0], [0, 0]));
    const frame = fc.tuple(letters, data).map(([letter, [bytes, end]]) => {
      return Buffer.from([0, 0, 0, bytes.length + end.length + 1, letter, ...bytes, ...end]);
    });
    const stream = fc.array(fc.oneof(frame, fc.uint8Array({ maxLength: 30 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(stream, async (pieces) => {
        bytes = Buffer.concat(pieces);
        const mta = await MtaConnection.open(milter.address, { timeouts: { content: 1000 } });
        const said: unknown = await mta.ask(EOM).catch((error: unknown) => error);
        mta.destroy();
        if (said instanceof Error) expect(said).toBeInstanceOf(MilterError);
      }),
      { numRuns: 150 },
    );
  });

  it('with a reply longer than the limit', async () => {
    const mta = await open(
      { M: replyFrame('y', `550 ${'x'.repeat(2000)}\0`) },
      { limits: { replyBytes: 1000 } },
    );
    expect(await failure(mta.ask(MAIL))).toMatchObject({ kind: 'protocol', stage: 'mail' });
  });

  it('with a reply too many, before the next event', async () => {
    const mta = await open({ M: ['R03', 'R03'] });
    await mta.ask(MAIL);
    const error = await failure(mta.ask(RCPT));
    expect(error).toMatchObject({ kind: 'protocol', stage: 'mail' });
    expect(error.message).toMatch(/nothing was asked/);
  });

  it('with a reply too many, at the end', async () => {
    const mta = await open({ Q: (socket) => socket.end(frames('R03')) });
    await mta.ask(MAIL);
    expect(await failure(mta.quit())).toMatchObject({ kind: 'protocol', stage: 'quit' });
  });

  it('with bytes that are no reply, though nothing was asked, and has its connection closed', async () => {
    let closed: Promise<unknown> | undefined;
    const mta = await open({
      H: (socket) => {
        closed = once(socket, 'close');
        socket.write(Buffer.concat([frames('R03'), latin1('\0\0\0\x01Z')]));
      },
    });
    await mta.ask(HELO);
    await closed;
    expect(await failure(mta.ask(MAIL))).toMatchObject({ kind: 'protocol' });
  });

  it('with bytes that are no reply, at the end', async () => {
    const mta = await open({ Q: (socket) => socket.end(latin1('\0\0\0\x01Z')) });
    await mta.ask(MAIL);
    expect(await failure(mta.quit())).toMatchObject({ kind: 'protocol', stage: 'quit' });
  });

  it('with a reply to what wants none, where one listens for it', async () => {
    const mta = await open({ O: 'R34' }, { timeouts: { silent: 50 } });
    expect(await failure(mta.ask(BODY))).toMatchObject({ kind: 'protocol', stage: 'body' });
  });

  it('with a refusal that carries another one, and still refuses', async () => {
    const mta = await open({ M: replyFrame('y', '550-5.7.1 one\n250 2.0.0 three\0') });
    expect(await failure(mta.ask(MAIL))).toMatchObject({
      kind: 'protocol',
      refusal: { code: 550, enhanced: '5.7.1', lines: ['Command rejected'] },
    });
  });

  it('by hanging up instead of replying', async () => {
    const mta = await open({ M: (socket) => socket.end() });
    expect(await failure(mta.ask(MAIL))).toMatchObject({ kind: 'disconnect', stage: 'mail' });
    expect((await failure(mta.ask(RCPT))).kind).toBe('disconnect');
  });

  it('by hanging up within a reply', async () => {
    const mta = await open({ M: (socket) => socket.end(latin1('\0\0\0\x09y550')) });
    const error = await failure(mta.ask(MAIL));
    expect(error).toMatchObject({ kind: 'protocol', stage: 'mail' });
    expect(error.message).toMatch(/ended within the frame/);
  });

  it('by a reset connection', async () => {
    const mta = await open({ M: (socket) => socket.resetAndDestroy() });
    expect(await failure(mta.ask(MAIL))).toMatchObject({ kind: 'disconnect', stage: 'mail' });
  });

  it('by silence', async () => {
    const mta = await open({ M: '' }, { timeouts: { command: 40 } });
    const error = await failure(mta.ask(MAIL));
    expect(error).toMatchObject({ kind: 'timeout', stage: 'mail' });
    expect(error.message).toMatch(/did not reply within 40 ms/);
  });

  it('by silence before it has agreed', async () => {
    const milter = await start({ O: '' });
    const timeouts = { command: 40 };
    expect(await failure(MtaConnection.open(milter.address, { timeouts }))).toMatchObject({
      kind: 'timeout',
      stage: 'optneg',
    });
  });

  it('by nothing but signs of life', async () => {
    const mta = await open(
      {
        E: (socket) =>
          cleanUps.push(
            clearInterval.bind(
              undefined,
              setInterval(() => socket.write(frames('R09')), 5),
            ),
          ),
      },
      { timeouts: { content: 5000, eom: 60 } },
    );
    expect(await failure(mta.ask(EOM))).toMatchObject({ kind: 'timeout', stage: 'eom' });
  });

  it('by not reading', async () => {
    const milter = await start({ O: (socket) => socket.pause().write(frames('R34')) });
    const mta = await connectTo(milter.address, { timeouts: { content: 60 } });
    const data = Buffer.alloc(65_535);
    const error = await failure(
      (async () => {
        for (let at = 0; at < 2000; at++) await mta.ask({ type: 'body', data });
      })(),
    );
    expect(error).toMatchObject({ kind: 'timeout', stage: 'body' });
    expect(error.message).toMatch(/did not read/);
  });
});

describe('what does not fit', () => {
  it('into a frame is refused before it is sent', async () => {
    const milter = await start();
    const mta = await connectTo(milter.address);
    const value = 'x'.repeat(65_535 - 'Subject'.length - 2);
    await mta.ask({ type: 'header', name: 'Subject', value });
    await expect(mta.ask({ type: 'header', name: 'Subject', value: `${value}x` })).rejects.toThrow(
      RangeError,
    );
    expect(milter.heard).toEqual(['ODLL']);
  });
});
