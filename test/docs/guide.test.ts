import { existsSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Writable } from 'node:stream';
import { connect as connectSecurely } from 'node:tls';
import { BehaviorSubject, Subject, type Subscription, defer } from 'rxjs';
import { type MilterServer, SMFIP, addHeader, on, serve } from 'rxmilter';
import { MtaSession, deliver } from 'rxmilter/mta';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { COMMANDS, type Command, commandCodec } from '../../src/transport/wire/commands.js';
import { OTHER, SERVER } from '../server/support/certificates.js';
import { socketMta } from '../support/session-mta.js';
import { standardError } from '../support/standard-error.js';
import { eventually } from './support/eventually.js';
import { readPage } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';
import { type WithFilter, servingSnippet } from './support/serving-snippet.js';
import { added, repliesTo, senderTo, serving } from './support/serving.js';
import { temporaryDirectory } from './support/temporary-directory.js';

interface WithServer {
  readonly server: MilterServer;
}

/** An MTA that says the first things of a session, waits for nothing, and hangs up when it is told to. */
async function impatientMta(address: string, ...commands: readonly Command[]): Promise<() => void> {
  const [, port = '', host = ''] = /^inet:(\d+)@(.*)$/.exec(address) ?? [];
  const socket = connect(Number(port), host).on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  const offer = { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] } as const;
  for (const command of [offer, ...commands]) socket.write(commandCodec.encode(command));
  return () => socket.destroy();
}

describe('the guide, on filters', () => {
  test('first: a recipient is refused, other mail gets a header', async () => {
    const { server } = await runSnippet<WithServer>('first');
    const send = senderTo(server);
    expect(added(await send())).toEqual(['X-Filtered: yes']);
    expect(repliesTo(await send({ recipients: ['nobody@example.org'] }))).toEqual({
      'nobody@example.org': '550 5.7.1 No such user',
    });
  });

  test('replies: texts and codes', async () => {
    const send = await servingSnippet('replies');
    const recipients = ['old-a@b.test', 'who-a@b.test', 'new-a@b.test', 'a@b.test'];
    expect(repliesTo(await send({ recipients }))).toMatchObject({
      'old-a@b.test': '550 5.7.1 This address is no longer in use',
      'who-a@b.test': '550 5.1.1 No such user',
      'new-a@b.test': '451 4.7.1 Not yet there. Try again in an hour.',
      'a@b.test': expect.stringMatching(/^250/),
    });
  });

  test('answers: later, several, and none after the decision', async () => {
    const log = vi.fn();
    const mailboxExists = (address: string): Promise<boolean> => Promise.resolve(address !== 'x@b.test');
    const send = await servingSnippet('answers', { log, mailboxExists });
    const delivery = await send({ recipients: ['x@b.test', 'y@b.test'] });
    expect(delivery.accepted.map(({ address }) => address)).toEqual(['y@b.test']);
    expect(added(delivery)).toEqual(['X-One: 1', 'X-Two: 2', 'X-Count: 2']);
    expect(log).not.toHaveBeenCalled();
  });

  test('on: one function for two stages', async () => {
    const send = await servingSnippet('on');
    expect(await send({ sender: 'a@b.invalid' })).toMatchObject({
      outcome: 'refused',
      reply: { lines: ['No such domain, said at mail'] },
    });
    expect(repliesTo(await send({ recipients: ['a@b.invalid'] }))).toEqual({
      'a@b.invalid': '550 5.7.1 No such domain, said at rcpt',
    });
    expect(await send()).toMatchObject({ outcome: 'delivered' });
  });

  test('latest: the newest list counts, and the first one is waited for', async () => {
    const blocked$ = new Subject<ReadonlySet<string>>();
    let subscriptions = 0;
    const counted$ = defer(() => {
      subscriptions++;
      return blocked$;
    });
    const send = await servingSnippet('latest', { blocked$: counted$ });
    const early = send();
    await eventually('the filter has subscribed', () => blocked$.observed);
    blocked$.next(new Set(['192.0.2.1']));
    expect((await early).outcome).toBe('refused');

    const later = send();
    await eventually('the second connection has subscribed', () => subscriptions === 2);
    blocked$.next(new Set());
    expect((await later).outcome).toBe('delivered');
    await eventually('both have unsubscribed', () => !blocked$.observed);
  });

  test('when: two ways', async () => {
    const send = await servingSnippet('when', {}, { macros: { mail: ['{auth_authen}'] } });
    const recipients = ['staff@example.org', 'bob@example.org'];
    const inside = await send({ recipients, macros: { '{auth_authen}': 'alice' } });
    expect(inside.accepted.map(({ address }) => address)).toEqual(recipients);
    expect(added(inside)).toEqual(['X-Sent-By: one of us']);
    const outside = await send({ recipients });
    expect(outside.refused.map(({ address }) => address)).toEqual(['staff@example.org']);
    expect(added(outside)).toEqual([]);
  });

  test('deadline-operator: a slow directory refuses nobody, and is told to stop', async () => {
    const log = vi.fn();
    const signals: (AbortSignal | undefined)[] = [];
    const mailboxExists = (address: string, signal?: AbortSignal): Promise<boolean> => {
      signals.push(signal);
      return address === 'x@b.test' ? Promise.resolve(false) : new Promise(() => undefined);
    };
    const send = await servingSnippet('deadline-operator', { log, mailboxExists });
    const delivery = await send({ recipients: ['x@b.test', 'y@b.test'] });
    expect(delivery.accepted.map(({ address }) => address)).toEqual(['y@b.test']);
    expect(added(delivery)).toEqual(['X-Checked: yes']);
    expect(log.mock.calls).toEqual([[{ late: 'rcpt', session: expect.any(String) }]]);
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, true]);
  });

  test('shadow: the differences, and nothing else of it', async () => {
    const log = vi.fn();
    const send = await servingSnippet('shadow', { log });
    const recipients = ['test-1@example.org', 'test-2@example.org', 'bob@example.org'];
    const delivery = await send({ recipients });
    expect(delivery.accepted.map(({ address }) => address)).toEqual([
      'test-2@example.org',
      'bob@example.org',
    ]);
    const entry = { client: '192.0.2.1', would: 'reject' };
    expect(log.mock.calls).toEqual([
      // Refused by both, in other words.
      [{ ...entry, address: 'test-1@example.org', did: 'reject' }],
      [{ ...entry, address: 'test-2@example.org', did: 'allow' }],
    ]);
  });

  test('strictest: the strictest of three', async () => {
    const blocked$ = new BehaviorSubject<ReadonlySet<string>>(new Set());
    const mailboxExists = (address: string): Promise<boolean> => Promise.resolve(!address.startsWith('no-'));
    const send = await servingSnippet('strictest', { blocked$, mailboxExists });
    const recipients = ['x-no-a@b.test', 'no-a@b.test', 'a@b.test'];
    expect(repliesTo(await send({ recipients }))).toMatchObject({
      'x-no-a@b.test': '550 5.7.1 Not that one',
      'no-a@b.test': '550 5.7.1 No such user',
      'a@b.test': expect.stringMatching(/^250/),
    });
    blocked$.next(new Set(['192.0.2.1']));
    expect(repliesTo(await send({ recipients }))).toEqual({
      'x-no-a@b.test': '550 5.7.1 Not that one',
      'no-a@b.test': '550 5.7.1 No such user',
      'a@b.test': '451 4.7.1 Not now',
    });
  });

  test('remote: another milter, for some of the mail', async () => {
    const milter = await serve(
      on('eom', () => addHeader('X-Signed', 'yes')),
      { listen: 'inet:0@127.0.0.1' },
    );
    onTestFinished(() => milter.destroy());
    const { server } = await runSnippet<WithServer>('remote', {}, { 'inet:8892@127.0.0.1': milter.address });
    const send = senderTo(server);
    const recipients = ['x-ray@example.org', 'bob@example.org'];
    const inside = await send({ recipients, macros: { '{auth_authen}': 'alice' } });
    expect(inside.refused.map(({ address }) => address)).toEqual(['x-ray@example.org']);
    expect(added(inside)).toEqual(['X-Signed: yes']);
    expect(added(await send())).toEqual([]);
  });

  test('observe: sees recipients and aborts', async () => {
    const log = vi.fn();
    const { filter } = await runSnippet<WithFilter>('observe', { log });
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    const { agreement } = await senderTo(server)();
    expect(log).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ from: 'alice@example.com', to: 'bob@example.org' }),
    );
    expect((agreement?.protocol ?? 0) & COMMANDS.rcpt.nr).not.toBe(0);

    await impatientMta(server.address, { type: 'mail', address: '<a@b.test>', args: [] }, { type: 'abort' });
    await eventually('the abort is seen', () => log.mock.calls.length === 2);
    expect(log).toHaveBeenLastCalledWith(expect.objectContaining({ aborted: true }));
  });

  test('compose: the first decision wins', async () => {
    const send = await servingSnippet('compose');
    expect(repliesTo(await send({ recipients: ['x-ray@example.org', 'a@b.test'] }))).toEqual({
      'x-ray@example.org': '550 5.7.1 first',
      'a@b.test': '550 5.7.1 second',
    });
  });

  test('requires: an MTA that does not offer the right is refused', async () => {
    const { filter } = await runSnippet<WithFilter>('requireRights');
    const onError = vi.fn();
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError });
    expect((await senderTo(server)()).body.toString()).toBe('This message was removed.\r\n');

    for (let connection = 0; connection < 2; connection++) {
      const poor = await MtaSession.open({ to: server.address, offer: { actions: 0x1 } });
      expect(await poor.send({ sender: 'a@b.test', recipients: ['c@d.test'] })).toMatchObject({
        outcome: 'deferred',
        failure: undefined,
      });
    }
    expect(onError).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ name: 'UngrantedError', message: expect.stringContaining('CHGBODY') }),
      expect.objectContaining({ stage: 'negotiate' }),
    );
  });

  test('per-message: each message is counted and scanned by itself', async () => {
    const scanned: string[] = [];
    const findVirus = (message: Uint8Array): Promise<string | undefined> => {
      scanned.push(Buffer.from(message).toString());
      return Promise.resolve(Buffer.from(message).includes('EICAR') ? 'EICAR' : undefined);
    };
    const { filter } = await runSnippet<WithFilter>('per-message', { findVirus });
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    onTestFinished(() => server.destroy());
    const session = await MtaSession.open({ to: server.address });
    const mail = { sender: 'a@b.test', recipients: ['c@d.test'] };
    const long = Array.from({ length: 20_000 }, (_each, at) => `line ${at}\r\n`).join('');
    const loop = Array.from({ length: 51 }, () => ['Received', 'from elsewhere'] as const);

    expect(added(await session.send({ ...mail, body: long }))).toEqual(['X-Scanned: clean']);
    expect(await session.send({ ...mail, headers: loop })).toMatchObject({ reply: { lines: ['Mail loop'] } });
    expect(await session.send({ ...mail, headers: loop.slice(1), body: 'EICAR' })).toMatchObject({
      outcome: 'quarantined',
      quarantined: 'EICAR',
    });
    // Chunks that were kept are what they were.
    expect(scanned).toEqual([long, 'EICAR\r\n']);
    await session.close();
  });

  test('per-connection: what is counted is counted over messages', async () => {
    const { filter } = await runSnippet<WithFilter>('per-connection', {
      mailboxExists: () => Promise.resolve(false),
    });
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    onTestFinished(() => server.destroy());
    const session = await MtaSession.open({ to: server.address });
    const codes: number[] = [];
    for (const address of ['a@b.test', 'c@b.test', 'd@b.test', 'e@b.test']) {
      codes.push((await session.send({ sender: '', recipients: [address] })).reply.code);
    }
    expect(codes).toEqual([550, 550, 550, 421]);
    await session.close();
    // The next connection begins with a count of its own.
    expect((await senderTo(server)({ recipients: ['f@b.test'] })).reply.code).toBe(550);
  });

  test('private-data: what one filter counts another one reads', async () => {
    const { filter } = await runSnippet<WithFilter>('private-data', {
      mailboxExists: () => Promise.resolve(false),
    });
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    onTestFinished(() => server.destroy());
    const session = await MtaSession.open({ to: server.address });
    const recipients = ['a@b.test', 'c@b.test', 'd@b.test', 'e@b.test'];
    expect((await session.send({ sender: '', recipients })).reply.code).toBe(550);
    const last = await session.send({ sender: '', recipients });
    expect(last.reply).toMatchObject({ code: 451, lines: ['Too many guesses'] });
    await session.close();
  });

  test('failure: costs the one event, and is reported', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('failure', { log });
    expect(repliesTo(await senderTo(server)({ recipients: ['odd@example.org', 'a@b.test'] }))).toMatchObject({
      'odd@example.org': '451 4.7.1 Filter out of order, please try again',
      'a@b.test': expect.stringMatching(/^250/),
    });
    expect(log).toHaveBeenCalledExactlyOnceWith({
      error: expect.stringContaining('did not expect that'),
      stage: 'rcpt',
      session: expect.any(String),
    });
  });

  test('cancel: the signal is aborted and the generator finished', async () => {
    const log = vi.fn();
    const asked = vi.fn();
    const mailboxExists = (address: string, signal: AbortSignal): Promise<boolean> =>
      new Promise((_resolve, reject) => {
        asked(address);
        signal.addEventListener('abort', () => {
          reject(new Error('cancelled'));
        });
      });
    const { filter } = await runSnippet<WithFilter>('cancel', { log, mailboxExists });
    const onError = vi.fn();
    const server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError });
    onTestFinished(() => server.destroy());
    const hangUp = await impatientMta(server.address, { type: 'rcpt', address: '<a@b.test>', args: [] });
    await eventually('the directory is asked', () => asked.mock.calls.length === 1);
    expect(log).not.toHaveBeenCalled();

    hangUp();
    await eventually('the generator is finished', () => log.mock.calls.length === 1);
    expect(log).toHaveBeenCalledWith({ cancelled: true, after: expect.any(Number) });
    expect(onError).not.toHaveBeenCalled();
  });

  test('deadline: a slow directory refuses nobody', async () => {
    const send = await servingSnippet('deadline', {
      mailboxExists: (address: string) =>
        address === 'slow@b.test' ? new Promise(() => undefined) : Promise.resolve(false),
    });
    expect(await send({ recipients: ['slow@b.test', 'gone@b.test'] })).toMatchObject({
      accepted: [{ address: 'slow@b.test', args: [] }],
      refused: [{ address: 'gone@b.test', args: [] }],
    });
  });

  test('modifications: tags, cleans, and redirects', async () => {
    const send = await servingSnippet('modifications');
    const delivery = await send({
      recipients: ['info@example.org', 'bob@example.org'],
      headers: [
        ['X-Spam', 'one'],
        ['Subject', 'hello'],
        ['X-Spam', 'two'],
        ['X-Spam', 'three'],
      ],
    });
    expect(delivery.headers.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'X-Checked-By: mx.example.org',
      expect.stringMatching(/^Received: /),
      'Subject: [external] hello',
      'X-Spam: three',
    ]);
    expect(delivery.recipients.map(({ address }) => address).sort()).toEqual([
      'bob@example.org',
      'desk@example.org',
    ]);
  });

  test('body: comes from a file', async () => {
    const directory = await temporaryDirectory();
    await writeFile(`${directory}/notice.txt`, 'Removed.\r\n');
    const { filter } = await runSnippet<WithFilter>('body', {}, { '/etc/my-filter': directory });
    const send = await serving(filter, { onError: () => undefined });
    const delivery = await send();
    expect(delivery.body.toString()).toBe('Removed.\r\n');
    expect(added(delivery)).toEqual(['Content-Type: text/plain; charset=utf-8']);

    // Without the file the message is deferred, and not delivered without a body.
    await rm(`${directory}/notice.txt`);
    expect((await send()).outcome).toBe('deferred');
  });

  test('own: an operator that counts, delays and defers', async () => {
    const log = vi.fn();
    const send = await servingSnippet('own', { log });
    const started = performance.now();
    const delivery = await send({ recipients: ['a@b.test', 'c@b.test', 'd@b.test', 'e@b.test'] });
    expect(performance.now() - started).toBeGreaterThan(90);
    expect(repliesTo(delivery)).toMatchObject({
      'd@b.test': expect.stringMatching(/^250/),
      'e@b.test': '451 4.7.1 Too many',
    });
    // Everything is asked for, with a reply: of all flags only that of skip() is set.
    expect(delivery.agreement?.protocol).toBe(SMFIP.SKIP);
    expect(log).toHaveBeenCalledOnce();
  });
});

describe('the guide, on servers', () => {
  test('serve: tells the port that the system chose, and closes on SIGTERM', async () => {
    const log = vi.fn();
    const before = process.listeners('SIGTERM');
    const { server } = await runSnippet<WithServer>('serve', { log });
    const [close] = process.listeners('SIGTERM').filter((each) => !before.includes(each));
    expect(log).toHaveBeenCalledWith({ listening: expect.stringMatching(/^inet:[1-9]\d*@127\.0\.0\.1$/) });
    expect((await senderTo(server)()).outcome).toBe('delivered');

    expect(close).toBeDefined();
    process.off('SIGTERM', close ?? (() => undefined));
    close?.('SIGTERM');
    await server.close();
    expect((await senderTo(server)()).failure).toBeDefined();
  });

  test('reload: the newest rules serve new connections', async () => {
    const { server, rules$ } = await runSnippet<
      WithServer & { rules$: BehaviorSubject<ReadonlySet<string>> }
    >('reload');
    const send = senderTo(server);
    expect((await send({ sender: 'spam@example.com' })).outcome).toBe('refused');
    rules$.next(new Set());
    expect((await send({ sender: 'spam@example.com' })).outcome).toBe('delivered');
  });

  test('listen: outcomes come out, completing drains', async () => {
    const log = vi.fn();
    const address = `unix:${await temporaryDirectory()}/filter.sock`;
    const { running, stop$ } = await runSnippet<{ running: Subscription; stop$: Subject<void> }>(
      'listen',
      { log },
      { 'inet:8891@127.0.0.1': address },
    );
    onTestFinished(() => running.unsubscribe());
    await eventually('it listens', () => existsSync(address.slice(5)));
    const session = await MtaSession.open({ to: address });
    const mail = { sender: 'a@b.test', recipients: ['c@d.test'] };
    expect((await session.send(mail)).outcome).toBe('refused');
    expect(log).toHaveBeenCalledWith({ stage: 'rcpt', decision: 'reject' });

    stop$.next();
    const { code, enhanced = '', lines } = (await session.send(mail)).reply;
    expect(code).toBe(421);
    expect(readPage('docs/guide.md')).toContain(`\`${code} ${enhanced} ${lines.join(' ')}\``);
    await session.close();
    await eventually('the stream is over', () => running.closed);
  });

  test('tls: a certificate that is renewed is shown from the next connection on', async () => {
    const directory = await temporaryDirectory();
    const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
    const write = async (pair: typeof SERVER): Promise<void> => {
      await writeFile(key, pair.key);
      await writeFile(cert, pair.cert);
    };
    await write(SERVER);
    const { server } = await runSnippet<WithServer>(
      'tls',
      {},
      {
        '/etc/filter/key.pem': key,
        '/etc/filter/cert.pem': cert,
      },
    );
    onTestFinished(() => server.destroy());
    const shown = async (): Promise<string> => {
      const port = Number(/^inet:(\d+)@/.exec(server.address)?.[1]);
      const socket = connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    expect(await shown()).toBe('server.example');
    await write(OTHER);
    await eventually('the other certificate', async () => (await shown()) === 'other.example');
  });

  test('peers: a peer of the list is served', async () => {
    const { server } = await runSnippet<WithServer>('peers', {}, { '8891@0.0.0.0': '0@0.0.0.0' });
    const port = /:(\d+)@/.exec(server.address)?.[1] ?? '';
    expect(added(await senderTo({ ...server, address: `inet:${port}@127.0.0.1` })())).toEqual([
      'X-Filtered: yes',
    ]);
    await server.close();
  });

  test('unix: the socket has the mode and the group', async () => {
    const directory = await temporaryDirectory();
    const { server } = await runSnippet<WithServer>(
      'unix',
      {},
      { '/run/my-filter': directory, "'postfix'": String(process.getgid?.() ?? -1) },
    );
    const file = statSync(`${directory}/filter.sock`);
    expect(file.mode & 0o777).toBe(0o660);
    expect(added(await senderTo(server)())).toEqual(['X-Filtered: yes']);
    await server.close();
    expect(existsSync(`${directory}/filter.sock`)).toBe(false);
  });

  test('open: a socket is there before its server', async () => {
    const directory = await temporaryDirectory();
    const { server } = await runSnippet<WithServer>(
      'open',
      {},
      { '/run/my-filter': directory, "'postfix'": String(process.getgid?.() ?? -1) },
    );
    expect(added(await senderTo(server)())).toEqual(['X-Filtered: yes']);
    await server.close();
    expect(existsSync(`${directory}/filter.sock`)).toBe(false);
  });

  test('inherited: without systemd it listens by itself', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('inherited', { log });
    expect(added(await senderTo(server)())).toEqual(['X-Filtered: yes']);
    expect(log).toHaveBeenCalledExactlyOnceWith({ listening: server.address, name: undefined });
  });

  test('negotiate: an MTA that waits where it need not is refused', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('negotiate', { log });
    const send = senderTo(server);
    expect((await send()).outcome).toBe('delivered');
    expect(log).toHaveBeenCalledExactlyOnceWith({ name: 'Subject' });
    const written = standardError();
    const old = await MtaSession.open({ to: server.address, offer: { version: 4, protocol: 0x37f } });
    expect(old.failure).toMatchObject({ stage: 'optneg' });
    await old.close();
    expect(written).toEqual([
      expect.stringMatching(
        /stage negotiate, client unknown: The negotiate hook refused the connection\.\n$/,
      ),
    ]);
  });

  test('rejected: recipients that the MTA refuses are shown, too', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('rejected', { log });
    const refused = { code: 550, enhanced: '5.1.1', lines: ['User unknown'] };
    await senderTo(server)({ recipients: ['a@b.test', { address: 'gone@b.test', refused }] });
    expect(log.mock.calls.flat()).toEqual([
      { client: '192.0.2.1', tried: 'gone@b.test', got: '5.1.1 User unknown' },
    ]);
  });

  test('trace: what goes over the wire, line by line', async () => {
    const log = vi.fn<(entry: Record<string, string>) => void>();
    const { server } = await runSnippet<WithServer>('trace', { log });
    const recipients = [{ address: 'bob@example.org', args: ['NOTIFY=NEVER'] }];
    await senderTo(server)({ recipients });
    const lines = log.mock.calls.flatMap(([{ session: _id, ...line }]) => [line]);
    expect(lines).toContainEqual({ mta: 'rcpt <bob@example.org> NOTIFY=NEVER' });
    expect(lines).toContainEqual({ filter: 'replycode 550 5.7.1 No such user' });
  });

  test('macros: what was asked for is there', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('macros', { log });
    const delivery = await senderTo(server)({ macros: { '{auth_authen}': 'alice', i: 'QUEUE1' } });
    expect(log).toHaveBeenCalledExactlyOnceWith({ queueId: 'QUEUE1', user: 'alice' });
    expect(added(delivery)).toEqual(['X-Sent-By: alice']);
    expect([...(delivery.agreement?.lists.keys() ?? [])].sort()).toEqual([2, 5, 6]);
  });

  test('messages: each is logged when it is over', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('messages', { log });
    onTestFinished(() => server.destroy());
    await deliver(
      { sender: 'ann@example.com', recipients: ['x-ray@example.org'], body: '' },
      { to: server.address },
    );
    await vi.waitFor(() =>
      expect(log).toHaveBeenCalledWith({
        // Postfix has one from the first recipient on that was accepted.
        queueId: undefined,
        sender: 'ann@example.com',
        result: 'refused',
        text: '550 5.7.1 No such user',
      }),
    );
  });

  test('outcomes: refusals are logged', async () => {
    const log = vi.fn();
    const { server } = await runSnippet<WithServer>('outcomes', { log });
    await senderTo(server)({ recipients: ['a@b.test', 'x-a@b.test'] });
    expect(log).toHaveBeenCalledExactlyOnceWith({
      client: '192.0.2.1',
      stage: 'rcpt',
      elapsed: expect.any(Number),
    });
  });

  test('batches: messages come together, each with what it has cost', async () => {
    const log = vi.fn<(entry: { messages: { queueId: string; rounds: number; bytes: number }[] }) => void>();
    const { server } = await runSnippet<WithServer>(
      'batches',
      { log },
      { 'bufferTime(1000': 'bufferTime(50' },
    );
    const send = senderTo(server);
    const { rounds } = await send();
    await send();
    const messages = (): unknown[] => log.mock.calls.flatMap(([entry]) => entry.messages);
    await eventually('two messages', () => messages().length === 2);
    const one = { queueId: expect.stringMatching(/./), rounds, bytes: expect.any(Number) };
    expect(messages()).toEqual([one, one]);
  });

  test('record, replay: what was recorded is drawn, compared and played', async () => {
    const directory = await temporaryDirectory();
    const inDirectory = { '/var/log/my-filter': directory };
    const { server, file } = await runSnippet<WithServer & { file: Writable }>('record', {}, inDirectory);
    await senderTo(server)({ recipients: ['nobody@b.test', 'a@b.test'] });
    await new Promise((resolve) => file.end(resolve));
    const log = vi.fn<(entry: Record<string, unknown>) => void>();
    await runSnippet('replay', { log }, inDirectory);
    await eventually('the end of the replay', () => log.mock.calls.some(([{ stage }]) => stage === 'close'));
    const logged = log.mock.calls.flat();
    expect(logged[0]?.drawing).toMatch(/^mta {5}.*\nfilter {2}.*\n\n/);
    expect(logged[1]).toEqual({
      event: 'rcpt <nobody@b.test>',
      recorded: ['replycode 550 5.7.1 No such user'],
      replayed: ['replycode 451 4.7.1 Later'],
    });
    expect(logged.slice(2).map(({ stage }) => stage)).toContain('reply');
  });

  test('grace: connections that are open go on, and nobody else comes in', async () => {
    const { server, closed } = await runSnippet<WithServer & { closed: Promise<void> }>('grace');
    const mta = await socketMta(server.address);
    expect(await mta.ask('C01')).toHaveLength(1);
    process.emit('SIGUSR2');
    await expect(socketMta(server.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await mta.ask('C26')).toHaveLength(1);
    mta.send('C29');
    await closed;
  });
});
