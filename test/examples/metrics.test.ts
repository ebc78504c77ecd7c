import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import promClient from 'prom-client';
import { compose, on, type MilterServer, discard, reject, tempfail, addHeader } from 'rxmilter';
import { deliver, type Mail, MtaSession } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished } from 'vitest';

import { serveMetrics, serveWatched } from '../../examples/metrics.mjs';
import { eventually } from '../mta/support/eventually.js';
import { socketMta } from '../support/session-mta.js';

const filter = compose(
  on('mail', ({ address }) => address.startsWith('spammer') && reject('Go away')),
  on('rcpt', ({ address }) => {
    if (address.startsWith('broken')) throw new Error('the directory is away');
    return address.startsWith('nobody') && reject('No such user');
  }),
  on('header', ({ name }) => name === 'X-Drop' && discard()),
  on('eom', () => [addHeader('X-One', '1'), addHeader('X-Two', '2')]),
);

type Line = Record<string, unknown>;

class Watched {
  readonly server: MilterServer;
  readonly lines: Line[];
  readonly url: string;

  constructor(server: MilterServer, lines: Line[], port: number) {
    this.server = server;
    this.lines = lines;
    this.url = `http://127.0.0.1:${port}/metrics`;
  }

  async text(): Promise<string> {
    return (await fetch(this.url)).text();
  }

  /** The values of the series that begin like this, without those that are 0. */
  async values(prefix: string): Promise<Record<string, number>> {
    const rows = (await this.text()).split('\n').filter((row) => row.startsWith(prefix));
    return Object.fromEntries(
      rows.map(
        (row) => [row.slice(0, row.lastIndexOf(' ')), Number(row.slice(row.lastIndexOf(' ')))] as const,
      ),
    );
  }

  send(mail: Partial<Mail> = {}): ReturnType<typeof deliver> {
    return deliver(
      { sender: 'alice@one.example', recipients: ['bob@example.org'], body: 'Hello\n', ...mail },
      { to: this.server.address },
    );
  }

  /** The lines about messages, once there are so many. */
  async messages(count: number): Promise<Line[]> {
    const found = (): Line[] => this.lines.filter(({ msg }) => msg === 'message');
    await eventually(`${count} messages`, () => found().length >= count);
    return found();
  }
}

async function watched(given = filter): Promise<Watched> {
  const register = new promClient.Registry();
  const lines: Line[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const logger = pino({ base: null, timestamp: false }, sink);
  const server = await serveWatched(given, { listen: 'inet:0@127.0.0.1' }, { register, logger });
  onTestFinished(() => server.destroy());
  const metrics = await serveMetrics(register, { port: 0 });
  onTestFinished(() => metrics.close());
  return new Watched(server, lines, metrics.port);
}

describe('The metrics', () => {
  it('count decisions by stage, changes, and messages with their bytes and rounds', async () => {
    const run = await watched();
    const one = await run.send({ headers: [['Subject', 'Hello']] });
    const two = await run.send({ recipients: ['nobody@example.org', 'bob@example.org'] });
    await run.send({ sender: 'spammer@two.example' });
    expect(await run.values('rxmilter_outcomes_total')).toEqual({
      'rxmilter_outcomes_total{stage="mail",decision="none"}': 2,
      'rxmilter_outcomes_total{stage="mail",decision="reject"}': 1,
      'rxmilter_outcomes_total{stage="rcpt",decision="none"}': 2,
      'rxmilter_outcomes_total{stage="rcpt",decision="reject"}': 1,
      'rxmilter_outcomes_total{stage="header",decision="none"}': 1,
      'rxmilter_outcomes_total{stage="eom",decision="none"}': 2,
    });
    expect(await run.values('rxmilter_modifications_total')).toEqual({
      'rxmilter_modifications_total{kind="addHeader"}': 4,
    });
    const counts = await run.values('rxmilter_message_');
    expect(counts.rxmilter_message_bytes_count).toBe(2);
    expect(counts.rxmilter_message_rounds_count).toBe(2);
    // As the MTA has counted them.
    expect(counts.rxmilter_message_rounds_sum).toBe(one.rounds + two.rounds);
    expect(await run.values('rxmilter_answer_seconds_count')).toMatchObject({
      'rxmilter_answer_seconds_count{stage="eom"}': 2,
      'rxmilter_answer_seconds_count{stage="mail"}': 3,
    });
  });

  it('count errors by their kind', async () => {
    const run = await watched();
    expect((await run.send({ recipients: ['broken@example.org'] })).outcome).toBe('deferred');
    const mta = await socketMta(run.server.address);
    mta.send(Buffer.from('nonsense'));
    await mta.closed;
    expect(await run.values('rxmilter_errors_total')).toEqual({
      'rxmilter_errors_total{stage="rcpt",error="ProjectError"}': 1,
      'rxmilter_errors_total{stage="close",error="ProtocolError"}': 1,
    });
  });

  it('know how many sessions are open', async () => {
    const run = await watched();
    const sessions = [
      await MtaSession.open({ to: run.server.address }),
      await MtaSession.open({ to: run.server.address }),
    ];
    // One that says nothing of a client is none.
    const silent = await socketMta(run.server.address);
    await silent.ask('C01');
    expect(await run.values('rxmilter_connections')).toEqual({ rxmilter_connections: 2 });
    silent.send('C29');
    await silent.closed;
    for (const session of sessions) await session.close();
    for (let open = 2; open > 0;) open = (await run.values('rxmilter_connections')).rxmilter_connections ?? 0;
  });

  it('get no new series from what strangers write', async () => {
    const run = await watched();
    const series = async (): Promise<number> =>
      (await run.text()).split('\n').filter((row) => row !== '' && !row.startsWith('#')).length;
    await run.send({
      recipients: ['nobody@example.org', 'bob@example.org'],
      headers: [['Subject', 'Hello']],
    });
    const before = await series();
    for (let at = 0; at < 30; at++) {
      await deliver(
        {
          sender: `alice${at}@one${at}.example`,
          recipients: [`nobody${at}@example.org`, `bob${at}@example.org`],
          headers: [['Subject', `number ${at}`]],
          body: 'Hello\n',
        },
        { to: run.server.address, client: { address: `192.0.2.${at}`, host: `client${at}.example` } },
      );
    }
    expect(await series()).toBe(before);
    expect(await run.text()).not.toMatch(/example|192\.0\.2/);
  });

  it('are read at /metrics and nowhere else', async () => {
    const { url } = await watched();
    const read = await fetch(url);
    expect([read.status, read.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
  });

  it('outlive a request for what is no address', async () => {
    const { url } = await watched();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('GET // HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n');
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 404 /);
    expect((await fetch(url)).status).toBe(200);
  });

  it('are refused where their port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    await expect(serveMetrics(new promClient.Registry(), { port })).rejects.toThrow('EADDRINUSE');
  });
});

describe('The log', () => {
  it('has one line for a message, with what was told and changed', async () => {
    const run = await watched();
    const { rounds } = await run.send({ recipients: ['nobody@example.org', 'bob@example.org'] });
    const [line, ...more] = await run.messages(1);
    expect(more).toEqual([]);
    expect(line).toEqual({
      level: 30,
      msg: 'message',
      queueId: expect.stringMatching(/^[0-9A-Za-z]+$/),
      client: expect.any(String),
      helo: expect.any(String),
      from: 'alice@one.example',
      recipients: 2,
      refused: 1,
      result: 'accepted',
      changes: ['addHeader', 'addHeader'],
      rounds,
      ms: expect.any(Number),
    });
  });

  it('has a line for what ends before: refused, swallowed, without a recipient left', async () => {
    const run = await watched();
    await run.send({ sender: 'spammer@two.example' });
    await run.send({ headers: [['X-Drop', 'yes']] });
    await run.send({ recipients: ['nobody@example.org'] });
    const lines = await run.messages(3);
    expect(lines.map(({ stage, result, reply, refused }) => ({ stage, result, reply, refused }))).toEqual([
      { stage: 'mail', result: 'refused', reply: '550 5.7.1 Go away', refused: 0 },
      { stage: 'header', result: 'discarded', reply: undefined, refused: 0 },
      { stage: 'rcpt', result: 'refused', reply: '550 5.7.1 No such user', refused: 1 },
    ]);
  });

  it('has one line for each of several messages on a connection', async () => {
    const run = await watched(on('eom', () => tempfail('Later')));
    const session = await MtaSession.open({ to: run.server.address });
    for (const sender of ['a@one.example', 'b@one.example']) {
      await session.send({ sender, recipients: ['bob@example.org'], body: 'Hello\n' });
    }
    await session.close();
    const lines = await run.messages(2);
    expect(lines.map(({ from, result, reply }) => [from, result, reply])).toEqual([
      ['a@one.example', 'deferred', '451 4.7.1 Later'],
      ['b@one.example', 'deferred', '451 4.7.1 Later'],
    ]);
  });

  it('has the errors of a message in its line, as an error', async () => {
    const run = await watched();
    await run.send({ recipients: ['broken@example.org', 'bob@example.org'] });
    const [line] = await run.messages(1);
    expect(line).toMatchObject({
      level: 50,
      result: 'accepted',
      refused: 1,
      error: 'ProjectError: The filter failed at stage rcpt: the directory is away',
    });
    expect(run.lines.length).toBe(1);
  });

  it('has a line of its own for what is in no message', async () => {
    const run = await watched();
    const mta = await socketMta(run.server.address);
    mta.send(Buffer.from('nonsense'));
    await mta.closed;
    expect(run.lines).toEqual([
      expect.objectContaining({
        level: 50,
        msg: 'failure',
        err: expect.objectContaining({ type: 'ProtocolError' }),
      }),
    ]);
  });

  it('is lines, whatever strangers write', async () => {
    const run = await watched();
    await run.send({ sender: 'a"\\\u2028@one.example' });
    const [line] = await run.messages(1);
    expect(line?.from).toBe('a"\\\u2028@one.example');
  });
});
