import { once } from 'node:events';
import { createServer } from 'node:net';

import { parseEndpoint } from '../lib/endpoint.mjs';

/** @param {string} endpoint @param {(socket: import('node:net').Socket) => void} serve */
export async function listenOn(endpoint, serve) {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen({ ...parseEndpoint(endpoint), backlog: 1024 });
  await once(server, 'listening');
  return server;
}
