import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { listen, observe, openSocket, serve, type ServeOptions } from 'rxmilter';
import { describe, expect, it, onTestFinished, vi, type MockInstance } from 'vitest';

import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { compiled } from '../message/support/compiled.js';
import { said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';

const LOOPBACK = 'inet:0@127.0.0.1';
const nothing = observe('close', () => undefined);

async function serving(options: Partial<ServeOptions>) {
  const server = await serve(nothing, { listen: LOOPBACK, ...options });
  onTestFinished(() => server.destroy());
  return server;
}

/** The warnings of the process, in a time that stands still. */
function warnings(): MockInstance<typeof process.emitWarning> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const warning = vi.spyOn(process, 'emitWarning').mockReturnValue();
  onTestFinished(() => {
    warning.mockRestore();
    vi.useRealTimers();
  });
  return warning;
}

const texts = (warning: MockInstance<typeof process.emitWarning>): string[] =>
  warning.mock.calls.map(([text]) => String(text));

async function turnedAway(address: string, times = 1): Promise<void> {
  for (let count = 0; count < times; count++) await (await socketMta(address)).closed;
}

/** A connection from another address of this machine. */
async function from(localAddress: string, address: string): Promise<Socket> {
  const { port, host } = parseEndpoint(address) as { port: number; host: string };
  const socket = connect({ port, host, localAddress });
  socket.on('error', () => undefined).resume();
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

describe('connections beyond maxConnections', () => {
  it('are told of at once, and then at most once a minute with their number', async () => {
    const warning = warnings();
    const server = await serving({ maxConnections: 1 });
    const first = await socketMta(server.address);
    await first.ask('C01');
    const text = (count: string) =>
      `${count} turned away at ${server.address}: there are 1 of them (maxConnections) already (the last from 127.0.0.1).`;

    await turnedAway(server.address, 3);
    expect(texts(warning)).toEqual([text('1 connection was')]);
    vi.advanceTimersByTime(59_999);
    expect(warning).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(texts(warning)).toEqual([text('1 connection was'), text('2 connections were')]);
    // A minute without any.
    vi.advanceTimersByTime(600_000);
    expect(warning).toHaveBeenCalledTimes(2);
    await turnedAway(server.address);
    expect(texts(warning).slice(2)).toEqual([text('1 connection was')]);
    expect(warning.mock.calls[0]?.[1]).toEqual({ type: 'MilterWarning' });
  });

  it('are told of when the server stops, where they were not yet', async () => {
    const warning = warnings();
    const server = await serving({ maxConnections: 1 });
    const first = await socketMta(server.address);
    await first.ask('C01');
    await turnedAway(server.address, 3);
    first.send('C29');
    await first.closed;
    await server.close();
    expect(texts(warning)).toHaveLength(2);
    expect(texts(warning)[1]).toMatch(/^2 connections were turned away/);
  });

  it('are told of on a Unix socket, whose peers have no address', async () => {
    const warning = warnings();
    const directory = mkdtempSync(join(tmpdir(), 'turned-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const server = await serving({ listen: { path: join(directory, 's') }, maxConnections: 1 });
    await (await socketMta(server.address)).ask('C01');
    await turnedAway(server.address);
    expect(texts(warning)).toEqual([
      `1 connection was turned away at ${server.address}: there are 1 of them (maxConnections) already.`,
    ]);
  });

  it('are told of where they have waited at an open socket', async () => {
    const warning = warnings();
    const socket = await openSocket(LOOPBACK);
    const waiting = [await socketMta(socket.address), await socketMta(socket.address)];
    for (const mta of waiting) mta.send('C01');
    // Connections are taken in order.
    await vi.waitFor(() =>
      expect((socket as unknown as { server: { _connections: number } }).server._connections).toBe(2),
    );
    await serving({ listen: socket, maxConnections: 1 });
    await waiting[1]?.closed;
    expect(texts(warning)).toEqual([
      expect.stringMatching(/^1 connection was turned away .*127\.0\.0\.1\)\.$/),
    ]);
  });
});

describe('connections without file descriptors', () => {
  const SERVER = `
    const { serve, observe } = await import(process.argv[1]);
    const server = await serve(observe('close', () => undefined), { listen: 'inet:0@127.0.0.1' });
    process.on('warning', ({ name, message }) => console.log(name + ': ' + message));
    console.log(server.address);
  `;

  it('are told of', { timeout: 120_000 }, async () => {
    const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
    mkdirSync(cache, { recursive: true });
    const made = mkdtempSync(join(cache, 'turned-'));
    const child = spawn(
      'sh',
      [
        '-c',
        'ulimit -n 256; exec "$@"',
        'sh',
        process.execPath,
        '--input-type=module',
        '-e',
        SERVER,
        '--',
        compiled('index.ts', made),
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    onTestFinished(() => {
      child.kill('SIGKILL');
      rmSync(made, { recursive: true });
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
    const address = (await lines.next()).value ?? '';
    const mtas = await Promise.all(Array.from({ length: 300 }, () => socketMta(address)));
    expect((await lines.next()).value).toBe(
      `MilterWarning: No file descriptors are left (EMFILE): new connections to ${address} are closed at once, and cannot be counted. ` +
        'Raise the limit ("ulimit -n", LimitNOFILE=), or set maxConnections below it.',
    );
    for (const mta of mtas) mta.socket.destroy();
  });
});

describe('the option peers', () => {
  it.each<[string[], string, boolean]>([
    [['127.0.0.1'], '127.0.0.1', true],
    [['127.0.0.1'], '127.0.0.2', false],
    [['192.0.2.0/24', '127.0.0.0/30'], '127.0.0.2', true],
    [['127.0.0.0/30'], '127.0.0.5', false],
    [['0.0.0.0/0'], '127.0.0.9', true],
    [['::/0'], '127.0.0.1', false],
    [['::ffff:127.0.0.0/120'], '127.0.0.7', true],
    [['2001:db8::/32', '::1'], '127.0.0.1', false],
  ])('%j, for a peer %s: %s', async (peers, peer, allowed) => {
    const warning = warnings();
    const server = await serving({ peers });
    const socket = await from(peer, server.address);
    if (allowed) {
      socket.write(Buffer.from('0000000d4f0000000600000001001fffff', 'hex').subarray(0, 5));
      expect(socket.destroyed).toBe(false);
      socket.destroy();
      await server.close();
      expect(texts(warning).filter((text) => text.includes('peers'))).toEqual([]);
      return;
    }
    await new Promise((resolve) => socket.once('close', resolve));
    expect(texts(warning)).toEqual([
      `1 connection was turned away at ${server.address}: their addresses are not in the list of the option peers (the last from ${peer}).`,
    ]);
  });

  it('knows an IPv4 peer of a socket for both families', async (context) => {
    if (!hasIPv6()) return context.skip('this machine has no IPv6 address');
    warnings();
    const server = await serving({ listen: 'inet6:0@::', peers: ['127.0.0.0/31'] });
    const { port } = parseEndpoint(server.address) as { port: number };
    const mta = await socketMta(`inet:${port}@127.0.0.1`);
    await mta.ask('C01');
    const other = await from('127.0.0.3', `inet:${port}@127.0.0.1`);
    await new Promise((resolve) => other.once('close', resolve));
    await turnedAway(`inet6:${port}@::1`);
    expect(await mta.ask('C26')).toEqual(said('R03'));
  });

  it.each<[unknown, string]>([
    ['127.0.0.1', "peers: '127.0.0.1' is not a list."],
    [[], 'peers: the list is empty, so that no MTA could connect. Leave it out'],
    [['localhost'], "peers: 'localhost' is no address or network. Names are not looked up"],
    [
      ['127.0.0.1', '10.0.0.0/33'],
      "peers: '10.0.0.0/33' has no number of leading bits after the slash. Write 0 to 32.",
    ],
    [
      ['2001:db8::/129'],
      "peers: '2001:db8::/129' has no number of leading bits after the slash. Write 0 to 128.",
    ],
    [['10.0.0.0/'], "peers: '10.0.0.0/' has no number"],
    [['10.0.0.0/8/8'], "peers: '10.0.0.0/8/8' is no address"],
    [['10.0.0'], "peers: '10.0.0' is no address"],
    [['[::1]'], "peers: '[::1]' is no address"],
    [['fe80::1%eth0'], "peers: 'fe80::1%eth0' has a zone"],
    [[''], "peers: '' is no address"],
    [[7], 'peers: 7 is not a string.'],
  ])('%j is an error that names what is wrong', async (peers, problem) => {
    const options = { peers: peers as string[] };
    await expect(serve(nothing, { listen: LOOPBACK, ...options })).rejects.toThrow(problem);
    const listened = new Promise((_resolve, reject) =>
      listen(LOOPBACK, options).subscribe({ error: reject }),
    );
    await expect(listened).rejects.toThrow(problem);
  });

  it('is not for a Unix socket', async () => {
    await expect(serve(nothing, { listen: 'unix:/nowhere/s', peers: ['127.0.0.1'] })).rejects.toThrow(
      'peers: those of a Unix socket have no addresses. Say who may connect with mode, owner and group.',
    );
  });
});

describe('inet6:…@::', () => {
  it('takes IPv4, too, and says so to a server for IPv4 that finds the port taken', async (context) => {
    if (!hasIPv6()) return context.skip('this machine has no IPv6 address');
    const server = await serving({ listen: 'inet6:0@::' });
    const { port } = parseEndpoint(server.address) as { port: number };
    for (const address of [`inet:${port}@127.0.0.1`, `inet6:${port}@::1`])
      await (await socketMta(address)).ask('C01');
    await expect(openSocket(`inet:${port}@0.0.0.0`)).rejects.toThrow(`"inet6:${port}@::" takes IPv4, too`);
  });
});

function hasIPv6(): boolean {
  const has = existsSync('/proc/net/if_inet6') && readFileSync('/proc/net/if_inet6', 'utf8') !== '';
  if (!has) console.log('skipped: this machine has no IPv6 address');
  return has;
}
