import type { Server } from 'node:net';

import { bindServer } from '../../src/transport/sockets/bind.js';
import { parseEndpoint, type Endpoint } from '../../src/transport/sockets/endpoint.js';

declare const server: Server;

parseEndpoint('inet:8891@127.0.0.1');
parseEndpoint({ port: 8891 });
parseEndpoint({ port: 8891, host: undefined });
parseEndpoint({ path: '/run/filter.sock' });
// @ts-expect-error a host alone is no endpoint
parseEndpoint({ host: 'localhost' });
// @ts-expect-error a port is a number
parseEndpoint({ port: '8891' });
// @ts-expect-error a port alone could be anything
parseEndpoint(8891);

export function port(endpoint: Endpoint): number | undefined {
  if (endpoint.family === 'unix') {
    // @ts-expect-error a Unix socket has no port
    return endpoint.port as number;
  }
  return endpoint.port;
}

export async function bound(endpoint: Endpoint): Promise<void> {
  await bindServer(server, endpoint, { mode: 0o660, owner: undefined, group: 115 });
  await bindServer(server, endpoint, { owner: 'root', group: 'postfix' });
  // @ts-expect-error a group has a name or a number
  await bindServer(server, endpoint, { group: true });
}
