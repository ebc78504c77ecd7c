import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import { parseEndpoint } from '../../../src/transport/sockets/endpoint.js';

/** Passes bytes on to a milter, both ways, and knows who is connected. */
export interface CountingProxy extends AsyncDisposable {
  readonly address: string;
  /** Connections that were ever made, and those that are open. */
  readonly made: number;
  readonly open: number;
}

/** Starts a proxy in front of a milter that listens on a TCP port. */
export async function countingProxy(milter: string): Promise<CountingProxy> {
  const endpoint = parseEndpoint(milter);
  if (endpoint.family === 'unix') throw new Error('The milter has to listen on a TCP port.');
  const { port, host } = endpoint;
  const open = new Set<Socket>();
  let made = 0;
  const server = createServer((socket) => {
    made++;
    open.add(socket);
    const behind = connect(port, host);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        open.delete(socket);
        behind.destroy();
      });
    behind.on('error', () => undefined).on('close', () => socket.destroy());
    socket.pipe(behind).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `inet:${(server.address() as AddressInfo).port}@127.0.0.1`,
    get made() {
      return made;
    },
    get open() {
      return open.size;
    },
    [Symbol.asyncDispose]: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
