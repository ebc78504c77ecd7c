import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mergeMap } from 'rxjs';
import {
  on,
  sink,
  listen,
  serve,
  reject,
  EndpointError,
  ListenError,
  type OpenSocket,
  openSocket,
} from 'rxmilter';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { EndpointInput } from '../../src/transport/sockets/endpoint.js';
import { HeldSocket } from '../../src/transport/sockets/open-socket.js';
import { said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';

const filter = on('rcpt', () => reject());

async function opened(endpoint: EndpointInput = 'inet:0@127.0.0.1'): Promise<OpenSocket> {
  const socket = await openSocket(endpoint);
  onTestFinished(() => socket.close());
  return socket;
}

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'rxmilter-open-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

describe('openSocket', () => {
  it('listens before there is a filter, and an MTA that connects waits for one', async () => {
    const socket = await opened();
    const early = await socketMta(socket.address);
    early.send('C01', 'C16');
    const server = await serve(filter, { listen: socket });
    expect(server.address).toBe(socket.address);
    const [offer, refusal] = await early.hears(2);
    expect([offer?.slice(8, 10), refusal]).toEqual(['4f', ...said('R05')]);
    const late = await socketMta(socket.address);
    await late.ask('C01');
    expect(await late.ask('C16')).toEqual(said('R05'));
    for (const mta of [early, late]) mta.send('C29');
    await server.close();
    await expect(socketMta(socket.address)).rejects.toThrow('ECONNREFUSED');
  });

  it('serves several that have waited, each its own, and forgets one that has gone', async () => {
    const socket = await opened();
    const mtas = [await socketMta(socket.address), await socketMta(socket.address)];
    const gone = await socketMta(socket.address);
    gone.socket.destroy();
    for (const mta of mtas) mta.send('C01');
    const errors: Error[] = [];
    const server = await serve(filter, { listen: socket, onError: (error) => void errors.push(error) });
    for (const mta of mtas) {
      await mta.hears(1);
      expect(await mta.ask('C16')).toEqual(said('R05'));
      mta.send('C29');
    }
    await server.close();
    expect(errors).toEqual([]);
  });

  it('opens a Unix socket with its permissions, and the server removes the file', async () => {
    const path = join(directory(), 'filter.sock');
    const socket = await openSocket({ path }, { mode: 0o600 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(socket.address).toBe(`unix:${path}`);
    const early = await socketMta(socket.address);
    const server = await serve(filter, { listen: socket });
    await early.ask('C01');
    expect(await early.ask('C16')).toEqual(said('R05'));
    early.socket.destroy();
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  it('is for listen(), too', async () => {
    const socket = await opened();
    const running = listen(socket)
      .pipe(mergeMap((session) => session.events.pipe(filter, sink(session))))
      .subscribe();
    onTestFinished(() => running.unsubscribe());
    const mta = await socketMta(socket.address);
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R05'));
  });

  it('turns away those who have waited beyond the connections that are allowed', async () => {
    const socket = await opened();
    const [first, second] = [await socketMta(socket.address), await socketMta(socket.address)];
    for (const mta of [first, second]) mta.send('C01');
    const server = await serve(filter, { listen: socket, maxConnections: 1 });
    onTestFinished(() => server.destroy());
    await first.hears(1);
    await second.closed;
    await (
      await socketMta(socket.address)
    ).closed;
    expect(await first.ask('C16')).toEqual(said('R05'));
  });

  it('says why it cannot be opened', async () => {
    const socket = await opened();
    await expect(openSocket(socket.address)).rejects.toThrow(ListenError);
    await expect(openSocket(socket.address)).rejects.toThrow('already in use');
    await expect(openSocket('inet:nonsense')).rejects.toThrow(EndpointError);
    await expect(openSocket('unix:/run/x', { owner: '' })).rejects.toThrow(
      /^openSocket\(\): owner is ''; it has to be/,
    );
    await expect(openSocket('unix:/run/x', { group: 4294967295 })).rejects.toThrow(
      'openSocket(): group is 4294967295',
    );
  });

  it('can be closed without having been served, and hangs up on those who wait', async () => {
    const path = join(directory(), 'filter.sock');
    {
      await using socket = await openSocket({ path });
      const early = await socketMta(socket.address);
      onTestFinished(() => early.closed);
    }
    expect(existsSync(path)).toBe(false);
  });

  it('outlives a connection that the system cannot accept, before it has a server and after', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockReturnValue();
    onTestFinished(() => {
      warning.mockRestore();
    });
    const socket = await opened();
    const failure = new Error('accept EMFILE');
    if (!(socket instanceof HeldSocket)) throw new TypeError('not what openSocket() makes');
    socket.server.emit('error', failure);
    const server = await serve(filter, { listen: socket });
    socket.server.emit('error', failure);
    expect(warning.mock.calls).toEqual([[failure], [failure]]);
    await server.close();
  });

  it('is served once', async () => {
    const socket = await opened();
    const server = await serve(filter, { listen: socket });
    await expect(serve(filter, { listen: socket })).rejects.toThrow(
      `Cannot listen on the open socket ${socket.address.replace(/:\d+@/, ':0@')}: it has a server already; open another one.`,
    );
    // What the second one was told must not reach the first, either.
    await expect(serve(filter, { listen: socket, maxConnections: 1 })).rejects.toThrow(ListenError);
    const other = await socketMta(server.address);
    await other.ask('C01');
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    other.send('C29');
    await other.closed;
    await socket.close();
    expect(await mta.ask('C16')).toEqual(said('R05'));
    mta.send('C29');
    await server.close();
  });

  it('cannot be served once it is closed', async () => {
    const socket = await opened();
    await socket.close();
    await expect(serve(filter, { listen: socket })).rejects.toThrow('it was closed; open it again.');
  });

  it.each([{ mode: 0o600 }, { owner: 0 }, { group: 0 }, { backlog: 10 }])(
    'has to be told itself what opens a socket: %o',
    async (option) => {
      const socket = await opened();
      const [name = ''] = Object.keys(option);
      await expect(serve(filter, { listen: socket, ...option })).rejects.toThrow(
        new TypeError(
          `${name}: the socket ${socket.address} is open already. Give the option to openSocket().`,
        ),
      );
      const server = await serve(filter, { listen: socket });
      await server.close();
    },
  );
});
