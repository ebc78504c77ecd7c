import { setTimeout as sleep } from 'node:timers/promises';
import { cpuBetween, readCpu, readMemory } from './proc.mjs';
import { openSessions, quitAll } from './sessions.mjs';
import { Durations } from './stats.mjs';

/**
 * Sends messages on all connections as fast as the filter takes them.
 * The filter's CPU time and the number of messages are read at the same two moments.
 * @param {import('./sessions.mjs').Request & { warmup: number, measure: number }} request times in milliseconds
 */
export async function busy(request) {
  const { clients, plan } = await openSessions(request, { idle: false });
  const latencies = new Durations();
  let messages = 0;
  let measuring = false;
  let stopping = false;

  const running = clients.map(
    (client) =>
      new Promise((resolve) => {
        let started = performance.now();
        const done = () => {
          const now = performance.now();
          messages += 1;
          if (measuring) latencies.add(now - started);
          if (stopping) return resolve(undefined);
          started = now;
          client.run(plan.next, done);
        };
        client.run(plan.first, done);
      }),
  );
  const reading = () => ({
    cpu: readCpu(request.pid),
    own: process.cpuUsage(),
    messages,
    at: performance.now(),
  });

  await sleep(request.warmup);
  const from = reading();
  measuring = true;
  await sleep(request.measure);
  measuring = false;
  const to = reading();
  stopping = true;
  await Promise.all(running);
  const peakRss = readMemory(request.pid, 'VmHWM');
  await quitAll(clients);

  const count = to.messages - from.messages;
  if (count === 0) throw new Error(`not one message in ${request.measure} ms`);
  const seconds = (to.at - from.at) / 1000;
  const [p50, p99, max] = latencies.percentiles(0.5, 0.99, 1);
  const own = to.own.user + to.own.system - from.own.user - from.own.system;
  return {
    messages: count,
    rate: count / seconds,
    cpu: cpuBetween(from.cpu, to.cpu) / count,
    loadCpu: own / count,
    p50,
    p99,
    max,
    peakRss,
  };
}
