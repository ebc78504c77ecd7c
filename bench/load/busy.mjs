import { setTimeout as sleep } from 'node:timers/promises';

import { Durations } from '../lib/stats.mjs';
import { cpuBetween, familyOf, readCpu, readMemory, userShare } from './proc.mjs';
import { traffic } from './traffic.mjs';

/**
 * Sends messages on all connections as fast as the filter takes them.
 * The filter's CPU time and the number of messages are read at the same two moments.
 * @param {import('./sessions.mjs').Request & { warmup: number, measure: number }} request times in milliseconds
 */
export async function busy(request) {
  const latencies = new Durations();
  let messages = 0;
  let measuring = false;
  const meter = {
    stopping: false,
    message: (/** @type {number} */ milliseconds) => {
      messages += 1;
      if (measuring) latencies.add(milliseconds);
    },
  };
  const pids = () => (request.foreign ? familyOf(request.pid) : [request.pid]);
  const reading = () => ({
    cpu: readCpu(pids()),
    own: process.cpuUsage(),
    messages,
    at: performance.now(),
  });

  const { finished, trips } = await traffic(request, meter);
  await warmUp(request, reading);
  const from = reading();
  measuring = true;
  // Where the messages are large, or the machine is busy, the first one may take longer than that.
  do await sleep(request.measure);
  while (messages === from.messages);
  measuring = false;
  const to = reading();
  meter.stopping = true;
  await finished;

  const count = to.messages - from.messages;
  const seconds = (to.at - from.at) / 1000;
  const [p50, p99, max] = latencies.percentiles(0.5, 0.99, 1);
  const cpu = cpuBetween(from.cpu, to.cpu) / count;
  return {
    messages: count,
    trips,
    rate: count / seconds,
    cpu,
    user: cpu * userShare(from.cpu, to.cpu),
    loadCpu: (to.own.user + to.own.system - from.own.user - from.own.system) / count,
    p50,
    p99,
    max,
    peakRss: readMemory(pids(), 'VmHWM'),
    ...(request.foreign && { answers: perMessage(request.tally, messages) }),
  };
}

/**
 * Until the filter has had so much time of a processor: on a busy machine that takes longer, and what is not compiled yet
 * is not what is to be measured. One that cannot use a whole processor has four times as long.
 * @param {{ warmup: number }} request @param {() => { cpu: import('./proc.mjs').CpuReading, at: number }} reading
 */
async function warmUp({ warmup }, reading) {
  const from = reading();
  for (;;) {
    await sleep(warmup / 4);
    const now = reading();
    const [used, gone] = [cpuBetween(from.cpu, now.cpu) / 1000, now.at - from.at];
    if (used >= warmup || gone >= 4 * warmup) return;
  }
}

/** @param {Record<string, number>} tally @param {number} messages */
function perMessage(tally, messages) {
  return Object.fromEntries(Object.entries(tally).map(([answer, count]) => [answer, count / messages]));
}
