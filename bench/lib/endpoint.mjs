import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';

/** @param {string} spec as all targets take it: `unix:/path` or `inet:port@host` @returns {import('node:net').TcpNetConnectOpts | import('node:net').IpcNetConnectOpts} */
export function parseEndpoint(spec) {
  if (spec.startsWith('unix:')) return { path: spec.slice('unix:'.length) };
  const [, port, host] = /^inet:(\d+)@(.+)$/.exec(spec) ?? [];
  if (port === undefined) throw new Error(`not an endpoint: ${spec}`);
  return { port: Number(port), host };
}

let sockets = 0;

/** A place to listen that nobody uses yet. @param {'unix' | 'inet'} transport @param {string} directory */
export async function freeEndpoint(transport, directory) {
  if (transport === 'unix') return `unix:${join(directory, `bench-${++sockets}.sock`)}`;
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return `inet:${port}@127.0.0.1`;
}
