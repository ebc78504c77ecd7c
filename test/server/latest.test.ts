import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BehaviorSubject } from 'rxjs';
import { compose, on, perConnection, type MilterServer, serve, reject } from 'rxmilter';
import { afterEach, describe, expect, it } from 'vitest';

import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { frames } from '../support/vectors.js';

describe("a connection's subscription to the stream of a latest value", () => {
  let server: MilterServer | undefined;
  const clients: Socket[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    server?.destroy();
    await server?.close();
  });

  /** Serves a filter on `latest`, with a connection that has subscribed to it. */
  async function connected(latest: BehaviorSubject<boolean>): Promise<Socket> {
    const decide = on('rcpt', latest, (_event, closed) => (closed ? reject() : undefined));
    server = await serve(
      compose(
        decide,
        (source) => source,
        perConnection(() => decide),
      ),
      {
        listen: 'inet:0@127.0.0.1',
      },
    );
    const endpoint = parseEndpoint(server.address);
    if (endpoint.family === 'unix') throw new Error('This is not a port.');
    const client = connect(endpoint.port, endpoint.host);
    clients.push(client);
    client.write(frames('C01', 'C03', 'C12', 'C16'));
    await once(client, 'data');
    expect(latest.observed).toBe(true);
    return client;
  }

  async function unobserved(latest: BehaviorSubject<boolean>): Promise<void> {
    while (latest.observed) await new Promise(setImmediate);
  }

  it('ends when the MTA is gone', async () => {
    const latest = new BehaviorSubject(false);
    const client = await connected(latest);
    client.destroy();
    await unobserved(latest);
  });

  it('ends with QUIT', async () => {
    const latest = new BehaviorSubject(false);
    const client = await connected(latest);
    client.write(frames('C29'));
    await unobserved(latest);
  });

  it('ends when the server is destroyed', async () => {
    const latest = new BehaviorSubject(false);
    await connected(latest);
    server?.destroy();
    expect(latest.observed).toBe(false);
  });
});
