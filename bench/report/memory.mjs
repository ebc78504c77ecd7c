import { median } from '../lib/stats.mjs';
import { MEMORY_WORKS } from '../mail/memory-works.mjs';
import { groups, MEBIBYTE, short } from './figures.mjs';
import { table } from './table.mjs';

/** The worst of all rounds counts. @param {readonly import('./figures.mjs').Sample[]} samples */
export function memorySection(samples) {
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
