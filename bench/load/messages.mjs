import { cpuBetween, readCpu, readMemory } from './proc.mjs';
import { traffic } from './traffic.mjs';

const TENTHS = 10;

/**
 * A great number of messages, and what is resident after each tenth of them.
 * @param {import('./sessions.mjs').Request & { messages: number }} request
 */
export async function messages(request) {
  const pids = [request.pid];
  const step = Math.ceil(request.messages / TENTHS);
  /** @type {{ messages: number, rss: number, cpu: number }[]} */
  const tenths = [];
  let count = 0;
  let cpu = readCpu(pids);
  const meter = {
    stopping: false,
    message: () => {
      count += 1;
      if (count % step > 0 || meter.stopping) return;
      const now = readCpu(pids);
      tenths.push({ messages: count, rss: readMemory(pids, 'VmRSS'), cpu: cpuBetween(cpu, now) / step });
      cpu = now;
      meter.stopping = tenths.length === TENTHS;
    },
  };
  const { finished } = await traffic(request, meter);
  await finished;
  return { tenths };
}
