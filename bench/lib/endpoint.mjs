import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';

/**
 * @param {string} spec as all targets take it: `unix:/path` (libmilter says `local:`, too) or `inet:port@host`
 * @returns {import('node:net').TcpNetConnectOpts | import('node:net').IpcNetConnectOpts}
 */
export function parseEndpoint(spec) {
  const [, path] = /^(?:unix|local):(\/.+)$/.exec(spec) ?? [];
  if (path !== undefined) return { path };
  const [, port, host] = /^inet6?:(\d+)@(.+)$/.exec(spec) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65535)
    throw new Error(`${spec} is not an endpoint: write unix:/absolute/path or inet:port@host`);
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
