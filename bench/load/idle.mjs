import { settledRss } from './proc.mjs';
import { openSessions, quitAll } from './sessions.mjs';

/**
 * What a connection costs on which nothing happens: opened, negotiated, CONNECT sent and answered.
 * One session has come and gone before the first reading, so that loading code is not counted.
 * @param {import('./sessions.mjs').Request & { settle: number }} request
 */
export async function idle(request) {
  const probe = await openSessions({ ...request, connections: 1 }, { idle: true });
  await quitAll(probe.clients);
  const without = await settledRss(request.pid, request.settle);
  const { clients } = await openSessions(request, { idle: true });
  const held = await settledRss(request.pid, request.settle);
  await quitAll(clients);
  return { perConnection: (held - without) / request.connections, without, held };
}
