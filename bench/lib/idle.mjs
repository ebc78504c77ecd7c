import { setTimeout as sleep } from 'node:timers/promises';
import { readMemory } from './proc.mjs';
import { openSessions, quitAll } from './sessions.mjs';

const STEP = 250;
const STEPS_AT_MOST = 24;
const STEADY = 0.002;

/** Memory once it has stopped to move. @param {number} pid @param {number} settle milliseconds to wait at least */
async function settledRss(pid, settle) {
  await sleep(settle);
  let before = readMemory(pid, 'VmRSS');
  for (let step = 0; step < STEPS_AT_MOST; step++) {
    await sleep(STEP);
    const now = readMemory(pid, 'VmRSS');
    if (Math.abs(now - before) <= before * STEADY) return now;
    before = now;
  }
  return before;
}

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
