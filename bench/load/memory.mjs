import { parseEndpoint } from '../lib/endpoint.mjs';
import { MEMORY_WORKS } from '../mail/memory-works.mjs';
import { BulkClient } from './bulk-client.mjs';
import { cpuBetween, readCpu, readMemory, resetPeak, settledRss } from './proc.mjs';

const MEBIBYTE = 1024 * 1024;
const SMALL = 2048;

/**
 * One large message on each connection at the same time, and the most memory that the filter had meanwhile.
 * A small message has come and gone on each before the first reading, so that loading code is not counted.
 * @param {import('./sessions.mjs').Request & { megabytes: number, settle: number }} request
 */
export async function memory({ work, endpoint, connections, pid, megabytes, settle }) {
  const { rewrites } = MEMORY_WORKS[work];
  const clients = Array.from(
    { length: connections },
    (_, at) => new BulkClient(parseEndpoint(endpoint), `client${String(at).padStart(2, '0')}`),
  );
  const all = (/** @type {(client: BulkClient) => Promise<unknown>} */ run) => Promise.all(clients.map(run));
  await all((client) => client.open());
  await all((client) => client.message(SMALL, rewrites));
  const idle = await settledRss(pid, settle);
  const reset = resetPeak(pid);
  const from = { cpu: readCpu([pid]), at: performance.now() };
  await all((client) => client.message(megabytes * MEBIBYTE, rewrites));
  const seconds = (performance.now() - from.at) / 1000;
  const cpu = cpuBetween(from.cpu, readCpu([pid])) / 1e6;
  const peak = readMemory([pid], 'VmHWM');
  await all((client) => client.quit());
  const total = megabytes * connections;
  return { idle, peak, over: peak - idle, reset, megabytes: total, cpu, rate: total / seconds };
}
