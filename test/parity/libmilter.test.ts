import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NEVER } from 'rxjs';
import {
  AnswerError,
  ProtocolError,
  UnansweredError,
  VERSION,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  discard,
  insertHeader,
  observe,
  on,
  openSocket,
  sessionData,
  quarantine,
  reject,
  replaceBody,
  serve,
  tempfail,
  type Modification,
  type MilterServer,
} from 'rxmilter';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { ROOT } from '../docs/support/markdown.js';
import { frame, optneg, said, type Bytes } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';
import { socketMta } from '../support/session-mta.js';
import { latin1 } from '../support/vectors.js';
import { asked } from './support/asked.js';

const refusing = on('rcpt', () => reject());

/** A server that ends with the test. */
async function serving(...[filter, options]: Parameters<typeof serve>): Promise<MilterServer> {
  const server = await serve(filter, options);
  onTestFinished(() => server.destroy());
  return server;
}

/** What an MTA is told for a recipient. */
async function refusalAt(address: string): Promise<string[]> {
  const mta = await socketMta(address);
  await mta.ask('C01');
  return mta.ask('C16');
}

afterEach(() => vi.useRealTimers());

describe('the calls of libmilter that run a filter: rxmilter', () => {
  it('opens a socket before there is a filter', async () => {
    const socket = await openSocket('inet:0@127.0.0.1');
    const early = await socketMta(socket.address);
    early.send('C01', 'C16');
    await serving(refusing, { listen: socket });
    expect((await early.hears(2)).slice(1)).toEqual(said('R05'));
  });

  it('takes the filter as a value, and several of them in one process', async () => {
    const one = await serving(refusing, { listen: 'inet:0@127.0.0.1' });
    const other = await serving(
      on('rcpt', () => tempfail()),
      { listen: 'inet:0@127.0.0.1' },
    );
    expect(await refusalAt(one.address)).toEqual(said('R05'));
    expect(await refusalAt(other.address)).toEqual(said('R06'));
  });

  it('goes on with the program once it listens', async () => {
    const { address } = await serving(refusing, { listen: 'inet:0@127.0.0.1' });
    expect(address).toMatch(/^inet:[1-9]\d*@127\.0\.0\.1$/);
    expect(await refusalAt(address)).toEqual(said('R05'));
  });

  it.each([
    ['listens where inet:port@host says', 'inet:0@127.0.0.1', /^inet:\d+@127\.0\.0\.1$/],
    ['listens where unix:/path says', 'unix:/filter.sock', /^unix:.*\/filter\.sock$/],
    ['listens where local:/path says', 'local:/filter.sock', /^unix:.*\/filter\.sock$/],
    ['listens on the loopback address where inet:port says no more', 'inet:0', /^inet:\d+@127\.0\.0\.1$/],
  ])('%s', async (_what, text, address) => {
    const directory = mkdtempSync(join(tmpdir(), 'rxmilter-parity-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const server = await serving(refusing, { listen: text.replace(':/', `:${directory}/`) });
    expect(server.address).toMatch(address);
    expect(await refusalAt(server.address)).toEqual(said('R05'));
  });

  it('hands the backlog to the system', async () => {
    const listen = vi.spyOn(Server.prototype, 'listen');
    onTestFinished(() => listen.mockRestore());
    await serving(refusing, { listen: 'inet:0@127.0.0.1', backlog: 7 });
    expect(listen.mock.calls[0]?.[0]).toMatchObject({ backlog: 7 });
  });

  it('stops without losing the message in progress', async () => {
    const server = await serving(
      on(['mail', 'eom'], ({ stage }) => (stage === 'eom' ? discard() : undefined)),
      { listen: 'inet:0@127.0.0.1' },
    );
    const mta = await socketMta(server.address);
    mta.send('C01', 'C12');
    await mta.hears(2);
    const closed = server.close();
    mta.send('C26');
    expect(await mta.hears(1)).toEqual(said('R07'));
    mta.send('C29');
    await closed;
    await expect(socketMta(server.address)).rejects.toThrow('ECONNREFUSED');
  });

  it('gives an MTA up that is silent for longer than timeouts.idle, by default as long as libmilter waits', () => {
    const [usual, short] = [opened(refusing), opened(refusing, { timeouts: { idle: 50 } })];
    for (const mta of [usual, short]) mta.connection.tick(51);
    expect([usual.io.state, short.io.state]).toEqual(['open', 'ended']);
    usual.connection.tick(7_210_000);
    expect(usual.io.state).toBe('ended');
  });

  it('shows every frame to the trace function', () => {
    const lines: string[] = [];
    const mta = link(refusing, { trace: ({ from, text }) => void lines.push(`${from}: ${text}`) });
    mta.ask('C01');
    mta.ask('C16');
    expect(lines.slice(2)).toEqual(['mta: rcpt <bob@example.org> NOTIFY=NEVER', 'filter: reject']);
  });

  it.each([
    ['agrees to frames of 64 KiB where no more is wanted', 65535, 0],
    ['agrees to frames of 256 KiB where the MTA offers them', 262143, 0x10000000],
    ['agrees to frames of 1 MiB where the MTA offers them', 1048575, 0x20000000],
  ] as const)('%s', (_what, maxDataSize, bit) => {
    const lengths: number[] = [];
    const filter = observe('header', ({ raw }) => void lengths.push(raw.length));
    const offer = optneg(6, 0x1ff, 0x301fffff);
    expect((asked(filter, { maxDataSize }, offer)?.protocol ?? 0) & 0x30000000).toBe(bit);
    expect((asked(filter, { maxDataSize })?.protocol ?? 0) & 0x30000000).toBe(0);

    // The largest frame is read, and of one byte more the announcement ends the connection.
    const mta = link(filter, { maxDataSize });
    mta.ask(offer);
    const header = (size: number): Buffer => frame('L', `X\0${'x'.repeat(size - 3)}\0`);
    mta.send(header(maxDataSize));
    expect([mta.errors, lengths]).toEqual([[], [maxDataSize - 3]]);
    mta.send(header(maxDataSize + 1));
    expect(mta.errors).toEqual([expect.any(ProtocolError)]);
  });

  it('tells its version', () => {
    const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
    expect(VERSION).toBe(version);
  });

  it('answers with the failure decision where the time of an event is up', async () => {
    vi.useFakeTimers();
    const mta = opened(
      on('rcpt', () => NEVER),
      { timeouts: { reply: 50 } },
    );
    expect(mta.ask('C16')).toEqual([]);
    await vi.advanceTimersByTimeAsync(50);
    expect(mta.heard()).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(UnansweredError)]);
  });
});

describe('the calls of libmilter that ask and remember: a filter', () => {
  it('keeps data of a connection, with its type, and forgets it with the connection', () => {
    const strikes = sessionData(() => ({ count: 0 }));
    const filter = compose(
      observe('rcpt', ({ session }) => void (strikes.get(session).count += 1)),
      on('eom', ({ session }) => addHeader('X-Count', String(strikes.get(session).count))),
    );
    const [first, second] = [opened(filter), opened(filter)];
    first.send('C16', 'C16');
    expect(first.ask('C26')).toEqual(said(frame('h', 'X-Count\x002\0'), 'R03'));
    expect(second.ask('C26')).toEqual(said(frame('h', 'X-Count\x000\0'), 'R03'));
  });

  it('gives a connection other data, or takes it away', () => {
    const mode = sessionData(() => 'first');
    const seen: string[] = [];
    const mta = opened(
      on('helo', ({ session }) => {
        seen.push(mode.get(session));
        if (seen.length === 1) mode.set(session, 'second');
        else mode.delete(session);
      }),
    );
    for (let round = 0; round < 3; round++) mta.ask('C10');
    expect(seen).toEqual(['first', 'second', 'first']);
  });

  it('asks for a macro by its name, with braces or without', () => {
    const seen: unknown[] = [];
    const mta = opened(
      on('mail', ({ session: { macros } }) => {
        seen.push(macros.get('i'), macros.get('{auth_authen}'), macros.get('auth_authen'), macros.get('j'));
      }),
    );
    mta.send('C11', 'C12');
    expect(seen).toEqual(['4XyZ1k2Lm3z9', 'alice', 'alice', undefined]);
  });

  it('says which macros it wants at which stage', () => {
    const macros = {
      connect: ['j', '{daemon_name}'],
      helo: ['{tls_version}'],
      mail: ['i'],
      rcpt: ['{rcpt_addr}', '{rcpt_host}'],
      data: ['i'],
      eom: ['i'],
      eoh: ['i'],
    };
    const answer = asked(refusing, { macros });
    expect((answer?.actions ?? 0) & 0x100).toBe(0x100);
    expect(answer?.lists).toEqual([
      [0, 'j {daemon_name}'],
      [1, '{tls_version}'],
      [2, 'i'],
      [3, '{rcpt_addr} {rcpt_host}'],
      [4, 'i'],
      [5, 'i'],
      [6, 'i'],
    ]);
  });
});

describe('the calls of libmilter that word a reply: a refusal', () => {
  it.each<[string, () => ReturnType<typeof reject | typeof tempfail>, Bytes]>([
    [
      'has the code, the enhanced code and the text that it is given',
      () => reject({ code: 550, enhanced: '5.7.1', text: 'No such user here' }),
      'R10',
    ],
    [
      'has no enhanced code where it is given a code alone',
      () => reject({ code: 551, text: 'User not local' }),
      frame('y', '551 User not local\0'),
    ],
    [
      'has its percent signs doubled',
      () => tempfail({ code: 451, enhanced: '4.7.1', text: '100% full, retry' }),
      'R12',
    ],
    [
      'ends the SMTP session with code 421',
      () => tempfail({ code: 421, enhanced: '4.7.0', text: 'Closing, too many errors' }),
      'R13',
    ],
    [
      'has the lines that it is given',
      () =>
        reject({
          code: 554,
          enhanced: '5.7.0',
          text: ['Rejected by policy', 'See https://example.org/p', 'Goodbye'],
        }),
      'R11',
    ],
  ])('%s', (_what, decide, bytes) => {
    expect(opened(on('rcpt', decide)).ask('C16')).toEqual(said(bytes));
  });

  it('has up to 32 lines of 980 bytes', () => {
    const text = Array.from({ length: 32 }, (_none, at) => 'x'.repeat(at % 2 === 0 ? 980 : 10));
    const [reply = ''] = opened(on('rcpt', () => reject({ text }))).ask('C16');
    expect(Buffer.from(reply, 'hex').toString('latin1', 5).split('\r\n')).toHaveLength(32);
  });

  it.each<[string, () => ReturnType<typeof reject>]>([
    ['is an error with a code that is none', () => reject({ code: 99 })],
    ['is an error with an enhanced code that is none', () => reject({ code: 550, enhanced: '5.7' })],
    ['is an error with a code of the other class', () => reject({ code: 450 })],
    ['is an error with an enhanced code of another class', () => reject({ code: 550, enhanced: '4.7.1' })],
  ])('%s', (_what, decide) => {
    const mta = opened(on('rcpt', decide));
    expect(mta.ask('C16')).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
  });

  it.each<[string, () => ReturnType<typeof reject>]>([
    ['has no more than 32 lines', () => reject({ text: Array.from({ length: 33 }, () => 'x') })],
    ['has no line of more than 980 bytes', () => reject({ text: 'x'.repeat(981) })],
    [
      'has no more than 16383 bytes',
      () => reject({ text: Array.from({ length: 17 }, () => 'x'.repeat(980)) }),
    ],
    ['has no line break in its text', () => reject('one\r\ntwo')],
  ])('%s: it is mended, sent and told', (_what, decide) => {
    const mta = opened(on('rcpt', decide));
    const [reply = ''] = mta.ask('C16');
    expect(Buffer.from(reply, 'hex').toString('latin1', 4)).toMatch(/^y550[ -]5\.7\.1 /);
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
  });

  it('keeps its text to itself: the next one has none', () => {
    const mta = opened(on(['mail', 'rcpt'], ({ stage }) => (stage === 'mail' ? tempfail('Once') : reject())));
    expect(mta.ask('C12')).toEqual(said(frame('y', '451 4.7.1 Once\0')));
    expect(mta.ask('C16')).toEqual(said('R05'));
  });
});

describe('the calls of libmilter that change a message: a filter', () => {
  it.each<[string, Modification, Bytes]>([
    ['adds a header', addHeader('X-Test', 'yes'), 'R16'],
    ['inserts a header above everything', insertHeader('top', 'X-Top', '1'), 'R19'],
    [
      'inserts a header before the n-th that it was shown',
      insertHeader(1, 'Authentication-Results', 'mx.example.org; none'),
      'R20',
    ],
    ['changes the n-th header of a name', changeHeader('Subject', 'New subject', 1), 'R21'],
    ['deletes the n-th header of a name', deleteHeader('X-Spam', 2), 'R22'],
    ['deletes a header by an empty value', changeHeader('X-Spam', '', 2), 'R22'],
    ['changes the sender', changeSender('bounce@example.com'), frame('e', '<bounce@example.com>\0\0')],
    [
      'changes the sender and its arguments',
      changeSender('bounce@example.com', ['RET=HDRS', 'ENVID=abc']),
      'R28',
    ],
    ['adds a recipient', addRecipient('carol@example.org'), 'R23'],
    [
      'adds a recipient with arguments',
      addRecipient('dave@example.org', ['NOTIFY=NEVER', 'ORCPT=rfc822;dave@example.org']),
      'R24',
    ],
    ['deletes a recipient', deleteRecipient('bob@example.org'), 'R26'],
    ['deletes a recipient by the bytes that it came as', deleteRecipient(latin1('<bob@example.org>')), 'R26'],
    ['replaces the body', replaceBody('New body\r\n'), 'R30'],
    ['replaces the body by nothing', replaceBody(''), 'R31'],
    ['quarantines the message, with a reason', quarantine('policy hold'), 'R32'],
  ])('%s', (_what, modification, bytes) => {
    expect(opened(on('eom', () => modification)).ask('C26')).toEqual(said(bytes, 'R03'));
  });

  it('replaces the body piece by piece', async () => {
    const mta = opened(
      on('eom', () =>
        replaceBody(
          (function* () {
            yield 'New ';
            yield 'body\r\n';
          })(),
        ),
      ),
    );
    mta.send('C26');
    await vi.waitFor(() => expect(mta.outcomes).toHaveLength(1));
    const frames = mta.heard().map((each) => Buffer.from(each, 'hex').toString('latin1', 4));
    const pieces = frames.slice(0, -1);
    expect(pieces.every((piece) => piece.startsWith('b'))).toBe(true);
    expect(pieces.map((piece) => piece.slice(1)).join('')).toBe('New body\r\n');
    expect(frames.at(-1)).toBe('c');
  });

  it('needs no call to keep the MTA waiting: a sign of life goes out by itself while the end is pending', async () => {
    vi.useFakeTimers();
    const mta = opened(on('eom', () => NEVER));
    expect(mta.ask('C26')).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(mta.heard()).toEqual(said('R09', 'R09'));
  });

  it('learns at once where the MTA has not granted the right, and nothing of the message is changed', () => {
    const mta = link(on('eom', () => [addHeader('X-Test', 'yes'), quarantine('policy hold')]));
    mta.ask(optneg(6, 0x1, 0x1fffff));
    expect(mta.ask('C26')).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.objectContaining({ message: expect.stringContaining('QUARANTINE') })]);
  });
});
