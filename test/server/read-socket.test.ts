import { once } from 'node:events';
import { connect, createServer, Socket, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readSocket } from '../../src/server/socket-io.js';

/** A server whose sockets are read in one of the two ways, and what came of each connection, in order. */
describe.each(['shared', 'plain'] as const)('reading a socket, %s', (how) => {
  let server: Server;
  const accepted: { readonly socket: Socket; readonly chunks: Buffer[]; readonly shared: boolean }[] = [];
  const clients: Socket[] = [];

  beforeEach(async () => {
    server = createServer((socket) => {
      const chunks: Buffer[] = [];
      accepted.push({
        socket,
        chunks,
        shared: readSocket(socket, { receive: (chunk, lent) => chunks.push(taken(chunk, lent)) }, how),
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const { socket } of accepted.splice(0)) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  /** What is lent has to be copied; what is not stays as it is. */
  function taken(chunk: Buffer, lent = false): Buffer {
    expect(lent).toBe(how === 'shared');
    return lent ? Buffer.from(chunk) : chunk;
  }

  async function dial(): Promise<Socket> {
    const before = accepted.length;
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    await once(client, 'connect');
    await until(() => accepted.length > before);
    return client;
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise(setImmediate);
  }

  function text(at: number): string {
    return Buffer.concat(accepted[at]?.chunks ?? []).toString('latin1');
  }

  it('is what was asked for', async () => {
    await dial();
    expect(accepted[0]?.shared).toBe(how === 'shared');
  });

  it('gives all bytes in order, and what was given stays as it was', async () => {
    const [one, two] = [await dial(), await dial()];
    let [expectedOne, expectedTwo] = ['', ''];
    for (let round = 0; round < 50; round++) {
      const [a, b] = [`a${round};`.repeat(1 + (round % 7)), `bb${round};`.repeat(1 + (round % 11))];
      one.write(a);
      two.write(b);
      expectedOne += a;
      expectedTwo += b;
      await until(() => text(0).length === expectedOne.length && text(1).length === expectedTwo.length);
    }
    expect(text(0)).toBe(expectedOne);
    expect(text(1)).toBe(expectedTwo);
  });

  it('gives large data whole', async () => {
    const client = await dial();
    const sent = Buffer.alloc(1_000_003, 'rxmilter');
    client.write(sent);
    await until(() => text(0).length >= sent.length);
    expect(Buffer.concat(accepted[0]?.chunks ?? []).equals(sent)).toBe(true);
  });

  it('stops at pause() and goes on at resume()', async () => {
    const client = await dial();
    const socket = accepted[0]?.socket;
    client.write('before');
    await until(() => text(0) === 'before');
    socket?.pause();
    client.write('after');
    // Bytes of another connection arrive meanwhile, so the event loop has had its chance to read these.
    const other = await dial();
    other.write('other');
    await until(() => text(1) === 'other');
    expect(text(0)).toBe('before');
    socket?.resume();
    await until(() => text(0) === 'beforeafter');
  });

  it('tells the end', async () => {
    const client = await dial();
    const { socket } = accepted[0] ?? {};
    if (socket === undefined) throw new Error('There is no socket.');
    const ended = once(socket, 'end');
    client.end('bye');
    await ended;
    expect(text(0)).toBe('bye');
  });
});

describe('a socket that lacks what the shared buffer needs', () => {
  it('is read as usual', () => {
    const chunks: Buffer[] = [];
    const socket = new Socket();
    expect(readSocket(socket, { receive: (chunk) => chunks.push(chunk) })).toBe(false);
    socket.emit('data', Buffer.from('x'));
    expect(chunks).toEqual([Buffer.from('x')]);
    socket.destroy();
  });
});
