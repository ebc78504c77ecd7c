import { MEMORY_WORKS } from './memory-works.mjs';
import { median } from './stats.mjs';
import { table } from './table.mjs';
import { WORKS } from './works.mjs';

/**
 * @typedef {object} Sample
 * @property {import('./measure.mjs').Cell} cell
 * @property {string} target
 * @property {number} round
 * @property {Record<string, any>} result
 */

const MEBIBYTE = 1024 * 1024;
const FEW = 4;
const STALL = 40; // milliseconds: what a delayed acknowledgement costs where a small second write waits for it

/** @param {number} value not a number where a window was too short for the clock's ticks */
function short(value) {
  if (!Number.isFinite(value)) return '-';
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** Groups by a key, in order of appearance. @template T @param {readonly T[]} list @param {(item: T) => string} key @returns {Map<string, T[]>} */
function groups(list, key) {
  const map = new Map();
  for (const item of list) map.set(key(item), [...(map.get(key(item)) ?? []), item]);
  return map;
}

/** The median of the quotients to the floor, each taken within one round. @param {readonly Sample[]} own @param {readonly Sample[]} all @param {string} measure */
export function ratioToFloor(own, all, measure) {
  const quotients = own.flatMap(({ round, result }) => {
    const floor = all.find((sample) => sample.target === 'floor' && sample.round === round);
    return floor ? [result[measure] / floor.result[measure]] : [];
  });
  return quotients.length > 0 ? median(quotients) : undefined;
}

/** @param {readonly Sample[]} samples of one work */
function busyRows(samples) {
  const rows = [];
  for (const cell of groups(samples, ({ cell }) => `${cell.transport} ${cell.connections}`).values()) {
    for (const [target, own] of groups(cell, (sample) => sample.target)) {
      const value = (/** @type {string} */ key) => median(own.map(({ result }) => result[key]));
      const costs = own.map(({ result }) => result.cpu);
      const ratio = ratioToFloor(own, cell, 'cpu');
      const { transport, connections, work } = own[0].cell;
      const throughput = work === 'd' ? [short((value('rate') * WORKS[work].body.length) / MEBIBYTE)] : [];
      rows.push([
        transport,
        String(connections),
        target,
        String(value('trips')),
        short(value('rate')),
        ...throughput,
        short(value('cpu')),
        short(value('user')),
        `${((100 * (Math.max(...costs) - Math.min(...costs))) / value('cpu')).toFixed(0)} %`,
        ratio === undefined ? '' : ratio.toFixed(2),
        ...['p50', 'p99', 'max'].map((key) => value(key).toFixed(2)),
        short(value('peakRss') / MEBIBYTE),
      ]);
    }
  }
  return rows;
}

/** @param {string} work @param {readonly Sample[]} samples */
function workSection(work, samples) {
  const head = [
    'via',
    'conns',
    'target',
    'trips',
    'msg/s',
    ...(work === 'd' ? ['MiB/s'] : []),
    'CPU us/msg',
    'user us',
    'spread',
    'x floor',
    'p50 ms',
    'p99 ms',
    'max ms',
    'peak MB',
  ];
  const lines = [
    `(${work}) ${WORKS[work].title}`,
    '',
    table(head, busyRows(samples), { left: ['via', 'target'] }),
  ];
  const overTcp = samples.filter(({ cell }) => cell.transport === 'inet');
  const fewest = Math.min(...overTcp.map(({ cell }) => cell.connections));
  // Ten MiB, and the queue of many connections, take their time without any stall.
  if (work === 'd' || !(fewest <= FEW)) return lines.join('\n');
  const single = overTcp.filter(({ cell }) => cell.connections === fewest);
  const stalls = [...groups(single, (sample) => sample.target)].map(([target, own]) => {
    const p99 = median(own.map(({ result }) => result.p99));
    return `${target} ${p99.toFixed(2)} ms${p99 < STALL ? '' : ' (40 ms or more)'}`;
  });
  lines.push('', `no ${STALL} ms stall over TCP, p99 at ${fewest} connection(s): ${stalls.join(', ')}`);
  return lines.join('\n');
}

/** @param {readonly Sample[]} samples */
function idleSection(samples) {
  const rows = [...groups(samples, ({ cell, target }) => `${cell.connections} ${target}`).values()].map(
    (own) => {
      const value = (/** @type {string} */ key) => median(own.map(({ result }) => result[key]));
      const { connections } = own[0].cell;
      return [
        String(connections),
        own[0].target,
        (value('perConnection') / 1024).toFixed(2),
        short(value('without') / MEBIBYTE),
        short(value('held') / MEBIBYTE),
      ];
    },
  );
  const head = ['conns', 'target', 'KiB each', 'MB with none', 'MB with all'];
  return `memory of idle connections (negotiated, CONNECT answered, unix)\n\n${table(head, rows, { left: ['target'] })}`;
}

/** The worst of all rounds counts. @param {readonly Sample[]} samples */
function memorySection(samples) {
  const rows = [
    ...groups(samples, ({ cell, target }) => `${cell.work} ${cell.connections} ${target}`).values(),
  ].map((own) => {
    const most = (/** @type {(result: Record<string, any>) => number | undefined} */ read) =>
      short(Math.max(...own.map(({ result }) => read(result) ?? NaN)) / MEBIBYTE);
    const { work, connections, megabytes } = own[0].cell;
    return [
      MEMORY_WORKS[work].title,
      `${connections} x ${megabytes} MB`,
      own[0].target,
      short(median(own.map(({ result }) => result.idle)) / MEBIBYTE),
      most(({ peak }) => peak),
      most(({ over }) => over),
      most((result) => result.own?.heap),
      most((result) => result.own?.buffers),
      short(median(own.map(({ result }) => result.cpu / result.megabytes)) * 1e6),
      short(median(own.map(({ result }) => result.rate))),
    ];
  });
  const head = [
    'body',
    'messages',
    'target',
    'idle MB',
    'peak MB',
    'over MB',
    'heap',
    'buffers',
    'CPU us/MB',
    'MB/s',
  ];
  const lines = [
    'memory for large messages (resident before, and at most; heap and buffers as Node counts them, garbage included)',
    '',
    table(head, rows, { left: ['body', 'messages', 'target'] }),
  ];
  if (samples.some(({ result }) => !result.reset))
    lines.push('', 'VmHWM could not be reset: the peaks are those of the whole life of the process');
  return lines.join('\n');
}

/** @param {readonly Sample[]} samples */
export function report(samples) {
  const busy = samples.filter(({ cell }) => cell.mode === 'busy');
  const idle = samples.filter(({ cell }) => cell.mode === 'idle');
  const sections = [...groups(busy, ({ cell }) => cell.work)].map(([work, own]) => workSection(work, own));
  if (idle.length > 0) sections.push(idleSection(idle));
  const memory = samples.filter(({ cell }) => cell.mode === 'memory');
  if (memory.length > 0) sections.push(memorySection(memory));
  return sections.join('\n\n');
}
